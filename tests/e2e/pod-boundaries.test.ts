import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { execInPod } from "#kube/exec.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import type { KubeObject } from "#kube/object.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type Mesh, namespace, programs, startMesh, workload } from "./mesh.ts";
import { isRoot } from "./weft-command.ts";

const kubectl = "kubectl";
const serve = `require("http").createServer((_, s) => s.end("reached")).listen(8080)`;

/** Status of a request, or what broke it. */
async function statusOf(url: string, init: RequestInit = {}): Promise<number | string> {
  try {
    const { status } = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
    return status;
  } catch (error) {
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    return code ?? message;
  }
}

/** What docs/security.md says of pods: the application may do what it likes, as root of its container. */
describe("what an application can get at, and what its neighbours can", { skip: !isRoot && "needs root" }, () => {
  let mesh: Mesh;
  const address: Record<string, string> = {};
  const names: Record<string, string> = {};
  before(async () => {
    mesh = await startMesh(`e2e-${process.pid}-b`);
    await mesh.apply(programs("server.ts"));
    for (const name of ["app", "peer"])
      await mesh.apply(
        ...workload({ name, args: ["-e", serve], ports: [{ name: "http", port: 80, targetPort: 8080 }] }),
      );
    for (const name of ["app", "peer"]) {
      await mesh.rolledOut(`${name}-v1`);
      const [pod] = await mesh.pods(name);
      address[name] = pod?.status?.podIP ?? "";
      names[name] = pod?.metadata?.name ?? "";
    }
    await mesh.apply({
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "default", namespace },
      spec: { mtls: { mode: "STRICT" } },
    } as KubeObject);
  });
  after(() => mesh?.down());

  const inApp = (script: string): Promise<string> => mesh.run(names["app"] ?? "", ["sh", "-c", script]);
  const inNode = (code: string): Promise<string> =>
    mesh.run(names["app"] ?? "", ["node", "--input-type=module", "-e", code]);

  test("the socket with the key, and the token for istiod, aren't in its container", async () => {
    assert.equal((await inApp("id -u")).trim(), "0");
    const found = await inApp(
      "find / -xdev \\( -name workload-spiffe-uds -o -name istio-token -o -path /etc/istio/proxy \\) 2>/dev/null; true",
    );
    assert.equal(found.trim(), "");
    const others = await inApp(`for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done`);
    assert.doesNotMatch(others, /envoy|agent\/main/);
  });

  test("the proxy's admin port, which it reaches, shows no key", async () => {
    const dump = await inNode(
      `console.log(await (await fetch("http://127.0.0.1:15000/config_dump?include_eds")).text())`,
    );
    assert.match(dump, /"private_key"/);
    const keys = [...dump.matchAll(/"private_key": \{[^}]*?"inline_(?:bytes|string)": "([^"]*)"/g)].map(
      ([, key = ""]) => key,
    );
    assert.ok(keys.length > 0);
    for (const key of keys) assert.equal(Buffer.from(key, "base64").toString(), "[redacted]");
    assert.doesNotMatch(dump, /BEGIN [A-Z ]*PRIVATE KEY|QkVHSU4g.{0,12}UFJJVkFURSBLRVk/);
  });

  test("nor do the proxy's files, environment and log", async () => {
    const config = loadKubeConfig({ path: mesh.env["KUBECONFIG"] ?? "" });
    const script =
      "cat /etc/istio/proxy/*.json; cat /proc/[0-9]*/environ | tr '\\0' '\\n'; find / -xdev -newer /etc/istio/proxy/envoy-rev.json -type f -not -path '/proc/*' -not -path '/opt/*' -exec cat {} + 2>/dev/null";
    const { stdout } = await execInPod(config, {
      namespace,
      pod: names["app"] ?? "",
      container: "istio-proxy",
      command: ["sh", "-c", script],
      timeoutMs: 30_000,
      maxOutputBytes: 16e6,
    });
    const { stdout: log } = spawnSync(kubectl, ["logs", "-n", namespace, names["app"] ?? "", "-c", "istio-proxy"], {
      encoding: "utf8",
      env: mesh.env,
    });
    assert.match(stdout.toString(), /sds-grpc/);
    assert.match(log, /certificate/);
    for (const text of [stdout.toString(), log]) assert.doesNotMatch(text, /PRIVATE KEY/);
    assert.doesNotMatch(log, /eyJhbGci/, "the beginning of a token");
  });

  test("its own token is no good at istiod", async () => {
    const code = `
      import { connect } from "node:http2";
      import { readFileSync } from "node:fs";
      const token = readFileSync("/var/run/secrets/kubernetes.io/serviceaccount/token", "utf8");
      const session = connect("https://istiod.istio-system.svc:15012", { rejectUnauthorized: false });
      const stream = session.request({ ":method": "POST", ":path": "/istio.v1.auth.IstioCertificateService/CreateCertificate",
        "content-type": "application/grpc", authorization: "Bearer " + token });
      stream.end(Buffer.from([0, 0, 0, 0, 0]));
      const headers = await new Promise((done) => stream.on("response", done));
      console.log(headers["grpc-status"], headers["grpc-message"]);
      session.destroy();`;
    assert.match(await inNode(code), /^16 .*token/);
  });

  test("as the proxy's user it goes round its own proxy, but not into a STRICT neighbour", async () => {
    const call = (url: string): string =>
      `import { setgid, setuid } from "node:process"; if (ROUND) { setgid(1337); setuid(1337); }
       try { console.log((await fetch("${url}")).status); } catch (error) { console.log(error.cause?.code); }`;
    const through = call(`http://peer.${namespace}/`);
    assert.equal((await inNode(`const ROUND = false; ${through}`)).trim(), "200");
    await eventually(async () => assert.equal(await statusOf(`http://${address["peer"]}:8080/`), "ECONNRESET"));
    const round = await inNode(`const ROUND = true; ${call(`http://${address["peer"]}:8080/`)}`);
    assert.match(round.trim(), /ECONNRESET|UND_ERR_SOCKET/);
  });

  test("neighbours reach neither the admin port nor the agent's commands", async () => {
    for (const port of [15000, 15004]) {
      const status = await statusOf(`http://${address["app"]}:${port}/`);
      assert.ok(typeof status === "string" || status === 503, `${port}: ${status}`);
    }
    assert.equal(await statusOf(`http://${address["app"]}:15020/quitquitquit`, { method: "POST" }), 403);
    assert.equal(await statusOf(`http://${address["app"]}:15021/healthz/ready`), 200);
  });
});
