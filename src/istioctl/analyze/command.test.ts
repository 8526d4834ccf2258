import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "weft-analyze-"));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function istioctl(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = join(import.meta.dirname, "..", "main.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "analyze", ...args], {
    encoding: "utf8",
    env: { ...process.env, KUBECONFIG: join(folder, "no-kubeconfig") },
  });
  return { status, stdout, stderr: stderr.replaceAll(`${folder}/`, "") };
}

const rule = (host: string, gateway: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
spec:
  hosts: [${host}]
  gateways:
  - ${gateway}
  http:
  - route:
    - destination: { host: web }
`;
const good = write("good.yaml", rule("web", "mesh"));
const missing = write("missing.yaml", rule("web", "gone"));
const broken = write("broken.yaml", `${rule("web", "mesh")}---\na: [1\n`);
const warned = write("warned.yaml", rule("web", "a.b"));

test("nothing found", () => {
  const { status, stdout, stderr } = istioctl("--use-kube=false", good);
  assert.deepEqual([status, stdout, stderr], [0, "", "✔ No validation issues found when analyzing good.yaml.\n"]);
});

test("a finding names the object, the file, the line and the field, and sets the exit code", () => {
  const { status, stdout, stderr } = istioctl("--use-kube=false", "-n", "blue", missing);
  assert.equal(
    stdout.replaceAll(`${folder}/`, ""),
    'Error [IST0101] (VirtualService blue/web missing.yaml:8) spec.gateways[0]: there is no Gateway "gone"\n',
  );
  assert.match(stderr, /^Error: Analyzers found issues when analyzing namespace: blue\.\nSee https:/);
  assert.equal(status, 79);
});

test("findings as JSON; the exit code is then 0, as Istio's", () => {
  const { status, stdout } = istioctl("-k=false", missing, "-o", "json");
  const [first] = JSON.parse(stdout) as Record<string, string>[];
  assert.equal(first?.["code"], "IST0101");
  assert.equal(first?.["origin"], "VirtualService default/web");
  assert.equal(first?.["reference"], `${missing}:8`);
  assert.equal(status, 0);
});

test("thresholds for showing and for failing are each their own", () => {
  assert.equal(istioctl("--use-kube=false", warned, "--suppress", "IST0101=*").status, 0);
  const { status, stdout } = istioctl(
    "--use-kube=false",
    warned,
    "--suppress",
    "IST0101=*",
    "--failure-threshold",
    "warning",
  );
  assert.match(stdout, /^Warning \[IST0133\]/);
  assert.equal(status, 79);
  assert.equal(
    istioctl("--use-kube=false", warned, "--suppress", "IST0101=*", "--output-threshold", "error").stdout,
    "",
  );
});

test("what can't be read fails with its place, unless it is to be ignored", () => {
  const { status, stderr } = istioctl("--use-kube=false", broken);
  assert.match(stderr, /^Error adding files: broken\.yaml:14:1: not YAML: .*\n/);
  assert.match(stderr, /\(but 1 file could not be parsed\)/);
  assert.equal(status, 65);
  assert.equal(istioctl("--use-kube=false", "--ignore-unknown", broken).status, 0);
});

test("without a cluster the error says how to go on", () => {
  assert.match(istioctl(good).stderr, /no cluster to talk to: .* --use-kube=false/);
  assert.match(istioctl("-k", good).stderr, /no cluster to talk to: .* --use-kube=false/);
  assert.match(istioctl("--use-kube=false").stderr, /nothing to analyze/);
});

test("color is for terminals, or when asked for", () => {
  assert.match(istioctl("--use-kube=false", "--color", missing).stdout, /^\u001b\[1;31mError\u001b\[0m \[IST0101\]/);
});

test("lists what is looked for", () => {
  assert.match(istioctl("-L").stdout, /^\* virtualservice\.GatewayAnalyzer:\n {4}\S/m);
});
