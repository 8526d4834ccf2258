import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type Mesh, programs, startMesh, workload } from "./mesh.ts";
import { type Flow, noCapture, startCapture, tlsRecords } from "./packet-capture.ts";
import { isRoot } from "./weft-command.ts";

const run = promisify(execFile);
const openssl = "openssl";
const noOpenssl = spawnSync(openssl, ["version"], { stdio: "ignore" }).status === 0 ? false : "there is no openssl";
const port = 8080;
const applicationData = 23;

/** A process of a pod, in its network namespace. */
function processOf(pod: Pod): number {
  const isOfPod = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`/pod${pod.metadata?.uid}/`);
    } catch {
      return false; // It ended meanwhile.
    }
  };
  return Number(readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && isOfPod(entry)));
}

/** What openssl says at the end of a handshake with these options. */
async function handshake(address: string, ...options: readonly string[]): Promise<string> {
  const child = run(openssl, ["s_client", "-connect", address, "-showcerts", ...options], { timeout: 10_000 });
  child.child.stdin?.end();
  try {
    const { stdout, stderr } = await child;
    return stdout + stderr;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return stdout + stderr;
  }
}

describe("on the wire", { skip: !isRoot && "needs root" }, () => {
  let mesh: Mesh;
  let server: Pod;
  let client: Pod;

  before(async () => {
    mesh = await startMesh(`e2e-${process.pid}-w`);
    await mesh.apply(
      programs("server.ts"),
      ...workload({
        name: "server",
        args: ["/programs/server.ts"],
        ports: [{ name: "http", port: 80, targetPort: port }],
      }),
      ...workload({ name: "client", args: ["-e", "setInterval(() => {}, 1e9)"] }),
    );
    await Promise.all([mesh.rolledOut("server-v1"), mesh.rolledOut("client-v1")]);
    [server, client] = (await Promise.all(
      ["server", "client"].map(async (app) => {
        const [pod] = await mesh.pods(app);
        assert.ok(pod);
        return pod;
      }),
    )) as [Pod, Pod];
  });
  after(() => mesh?.down());

  /** Everything of the port that leaves or reaches the server's pod while `use` runs. */
  async function seen(use: () => Promise<unknown>): Promise<readonly Flow[]> {
    const capture = await startCapture(processOf(server), port);
    try {
      await use();
    } catch (error) {
      await capture.stop();
      throw error;
    }
    return capture.stop();
  }

  const marked = (flows: readonly Flow[], marker: string): boolean => flows.some(({ bytes }) => bytes.includes(marker));

  test("between two pods there is TLS 1.3 and no clear text", { skip: noCapture }, async () => {
    const marker = "weft-marker-of-a-secret";
    const request = ["curl", "-sS", "-f", "-H", `x-secret: ${marker}`, `http://server/${marker}`];
    const flows = await seen(async () => {
      for (let count = 0; count < 10; count++) await mesh.run(client.metadata?.name ?? "", request);
    });
    const clientAddress = `${client.status?.podIP}:`;
    const asked = flows.filter(({ from }) => from.startsWith(clientAddress));
    const answered = flows.filter(({ to }) => to.startsWith(clientAddress));
    assert.ok(asked.length > 0 && answered.length > 0, "the capture has both directions");
    for (const { bytes } of asked) {
      const [first, ...rest] = tlsRecords(bytes).kinds;
      assert.equal(first, 22, "a connection starts with a ClientHello");
      assert.ok(rest.includes(applicationData));
    }
    for (const { bytes } of answered) assert.equal(tlsRecords(bytes).chosen, "0x0304");
    for (const text of [marker, "x-secret", "HTTP/1.1", "GET /", "spiffe://"])
      assert.equal(marked(flows, text), false, `'${text}' was on the wire`);
  });

  test("the capture would see clear text", { skip: noCapture }, async () => {
    const flows = await seen(() => run("curl", ["-sS", `http://${server.status?.podIP}:${port}/weft-in-clear`]));
    assert.ok(marked(flows, "GET /weft-in-clear HTTP/1.1"), "a call from outside of the mesh is plain");
  });

  /** Handshakes that an old or weak client would make. */
  const weak = [["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "AES128-SHA:DES-CBC3-SHA:NULL:@SECLEVEL=0"]];

  test("a sidecar speaks TLS 1.3 and 1.2 with its identity, wants the client's, and nothing weaker", {
    skip: noOpenssl,
  }, async () => {
    const address = `${server.status?.podIP}:${port}`;
    const modern = await handshake(address, "-alpn", "istio");
    assert.match(modern, /TLSv1\.3, Cipher is TLS_/);
    assert.match(modern, /Acceptable client certificate CA names\nO = cluster\.local/);
    const [leaf = ""] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(modern) ?? [];
    const { stdout } = spawnSync(openssl, ["x509", "-noout", "-ext", "subjectAltName"], {
      input: leaf,
      encoding: "utf8",
    });
    assert.match(stdout, /critical\s+URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/default\s*$/);
    assert.match(await handshake(address, "-alpn", "istio", "-tls1_2"), /TLSv1\.2, Cipher is ECDHE-/);
    for (const options of weak)
      assert.match(await handshake(address, "-alpn", "istio", ...options), /Cipher is \(NONE\)/, options.join(" "));
  });

  test("a gateway speaks TLS 1.3 and 1.2 for its hosts, and nothing weaker", { skip: noOpenssl }, async () => {
    const root = await createSelfSignedRoot("shop", new Date());
    const pair = await generateKeyPair();
    const certificate = issue(authorityFrom({ certificate: root.certificatePem, key: root.keyPem }), {
      publicKey: pair.publicKey,
      names: [{ dns: "shop.example" }],
      lifetimeMs: 3_600_000,
      now: new Date(),
    });
    const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    await mesh.apply(
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "shop-tls", namespace: "istio-system" },
        type: "kubernetes.io/tls",
        stringData: { "tls.crt": certificate, "tls.key": key },
      } as object,
      {
        apiVersion: "networking.istio.io/v1",
        kind: "Gateway",
        metadata: { name: "edge" },
        spec: {
          selector: { istio: "ingressgateway" },
          servers: [
            {
              port: { number: 443, name: "https", protocol: "HTTPS" },
              hosts: ["shop.example"],
              tls: { mode: "SIMPLE", credentialName: "shop-tls" },
            },
          ],
        },
      } as object,
    );
    const address = `${mesh.gateway}:443`;
    const named = ["-servername", "shop.example", "-alpn", "h2"];
    const modern = await eventually(async () => {
      const said = await handshake(address, ...named);
      assert.match(said, /TLSv1\.3, Cipher is TLS_/);
      return said;
    });
    assert.match(modern, /ALPN protocol: h2/);
    assert.match(modern, /Compression: NONE/);
    assert.match(await handshake(address, ...named, "-tls1_2"), /TLSv1\.2, Cipher is ECDHE-/);
    for (const options of weak)
      assert.match(await handshake(address, ...named, ...options), /Cipher is \(NONE\)/, options.join(" "));
    const other = ["-servername", "other.example"];
    assert.match(await handshake(address, ...other), /Cipher is \(NONE\)/, "for a host that nobody configured");
  });
});
