import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { UsageError } from "../usage-error.ts";
import { readInjectSettings } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-kube-inject-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function noCluster(): never {
  throw new UsageError("asked the cluster");
}

test("with both files no cluster is asked", async () => {
  const settings = await readInjectSettings(
    {
      meshConfigFile: file("mesh.yaml", "trustDomain: example.org\n"),
      valuesFile: file(
        "values.json",
        '{"global": {"hub": "registry.example"}, "pilot": {"env": {"ENABLE_NATIVE_SIDECARS": true}}, "revision": "canary"}',
      ),
    },
    "istio-system",
    noCluster,
  );
  assert.equal(settings.mesh.trustDomain, "example.org");
  assert.equal(settings.values.global.hub, "registry.example");
  assert.equal(settings.values.global.istioNamespace, "istio-system");
  assert.equal(settings.environment.enableNativeSidecars, "true");
  assert.equal(settings.revision, "canary");
});

test("an IstioOperator gives values and mesh config", async () => {
  const operatorFileName = file(
    "operator.yaml",
    "kind: IstioOperator\nspec: {meshConfig: {trustDomain: a.b}, values: {global: {proxy: {logLevel: debug}}}}\n",
  );
  const settings = await readInjectSettings({ operatorFileName }, "istio-system", noCluster);
  assert.equal(settings.mesh.trustDomain, "a.b");
  assert.equal(settings.values.global.proxy.logLevel, "debug");
});

test("what isn't in a file comes from the cluster", async () => {
  const valuesFile = file("only-values.yaml", "global: {}\n");
  await assert.rejects(() => readInjectSettings({ valuesFile }, "istio-system", noCluster), /asked the cluster/);
});

test("a file that can't be read, or is no map, is named", async () => {
  const rejects = (meshConfigFile: string, words: RegExp): Promise<void> =>
    assert.rejects(
      () => readInjectSettings({ meshConfigFile }, "istio-system", noCluster),
      (error) => error instanceof UsageError && words.test(error.message),
    );
  await rejects(join(folder, "nothing.yaml"), /nothing\.yaml: can't be read: ENOENT/);
  await rejects(file("list.yaml", "- 1\n"), /list\.yaml: mesh config: expected a YAML map/);
});
