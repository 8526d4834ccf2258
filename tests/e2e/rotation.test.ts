import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { rotateAnnotation } from "#ca/own-root.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { pemBlocks } from "#x509/pem.ts";
import { assertNoneFailed, loadFromOutside, loadFromPod } from "./load.ts";
import { type Mesh, namespace, programs, startMesh, workload } from "./mesh.ts";
import { isRoot } from "./weft-command.ts";

/** `npm run test:long` gives ten minutes. */
const seconds = Number(process.env["WEFT_ROTATION_SECONDS"] ?? 120);
const lifetimeSeconds = 60;
/** How long a new root is told before it signs. */
const distributionSeconds = 15;

const run = promisify(execFile);
const deployments = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true };
const shortLived = { "proxy.istio.io/config": `proxyMetadata: {SECRET_TTL: ${lifetimeSeconds}s}` };
const targets = [
  `deploy/client-v1.${namespace}`,
  `deploy/server-v1.${namespace}`,
  "deploy/istio-ingressgateway.istio-system",
];
const object = (apiVersion: string, kind: string, name: string, spec: object): KubeObject =>
  ({ apiVersion, kind, metadata: { name }, spec }) as KubeObject;

let mesh: Mesh | undefined;
before(async () => {
  if (isRoot) mesh = await startMesh(`e2e-${process.pid}-r`);
});
after(() => mesh?.down());

/** What an Envoy has now. */
async function secretsOf(
  target: string,
): Promise<{ readonly leaf: X509Certificate; readonly roots: readonly string[] }> {
  const istioctl = join(import.meta.dirname, "..", "..", "bin", "istioctl");
  const { stdout } = await run(istioctl, ["proxy-config", "secret", target, "-o", "json"], { env: mesh?.env });
  const { dynamicActiveSecrets } = JSON.parse(stdout) as {
    dynamicActiveSecrets: {
      name: string;
      secret: {
        tlsCertificate?: { certificateChain: { inlineBytes: string } };
        validationContext?: { trustedCa: { inlineBytes: string } };
      };
    }[];
  };
  const secretBy = (name: string) => dynamicActiveSecrets.find((secret) => secret.name === name)?.secret;
  const pem = (base64 = ""): string => Buffer.from(base64, "base64").toString();
  return {
    leaf: new X509Certificate(pem(secretBy("default")?.tlsCertificate?.certificateChain.inlineBytes)),
    roots: pemBlocks(pem(secretBy("ROOTCA")?.validationContext?.trustedCa.inlineBytes), "CERTIFICATE").map((root) =>
      root.trim(),
    ),
  };
}

/** Changes a Deployment of istio-system and waits until it runs so. */
async function setVariable(deployment: string, container: string, name: string, value: string): Promise<void> {
  await mesh?.client.patch(deployments, {
    namespace: "istio-system",
    name: deployment,
    as: "strategic-merge",
    patch: { spec: { template: { spec: { containers: [{ name: container, env: [{ name, value }] }] } } } },
  });
  await mesh?.rolledOut(deployment, "istio-system");
}

test(`no request fails in ${seconds} s of certificates that hold for ${lifetimeSeconds} s, another root and two restarts of istiod`, {
  skip: !isRoot && "needs root",
}, async (t) => {
  assert.ok(mesh);
  const { client } = mesh;
  const host = `server.${namespace}.svc.cluster.local`;
  const ports = [{ name: "http", port: 80, targetPort: 8080 }];
  await mesh.apply(
    programs("server.ts", "load.ts"),
    ...workload({ name: "server", args: ["/programs/server.ts"], ports, annotations: shortLived }),
    ...workload({ name: "client", args: ["-e", "setInterval(() => {}, 1e9)"], annotations: shortLived }),
    object("security.istio.io/v1", "PeerAuthentication", "default", { mtls: { mode: "STRICT" } }),
    object("networking.istio.io/v1", "DestinationRule", "server", {
      host,
      // Certificates are looked at when a connection opens.
      trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 5 } } },
    }),
    object("networking.istio.io/v1", "Gateway", "edge", {
      selector: { istio: "ingressgateway" },
      servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
    }),
    object("networking.istio.io/v1", "VirtualService", "edge", {
      hosts: ["*"],
      gateways: ["edge"],
      http: [{ route: [{ destination: { host } }] }],
    }),
  );
  await setVariable("istiod", "discovery", "WEFT_ROOT_DISTRIBUTION_TIME", `${distributionSeconds}s`);
  // Its pod isn't injected, so the annotation of the others says nothing there.
  await setVariable("istio-ingressgateway", "istio-proxy", "SECRET_TTL", `${lifetimeSeconds}s`);
  await Promise.all([mesh.rolledOut("server-v1"), mesh.rolledOut("client-v1")]);
  await sleep(2_000);

  const [first = ""] = (await secretsOf(targets[0] ?? "")).roots;
  const serials = new Map(targets.map((target) => [target, new Set<string>()]));
  const load = Promise.all([
    loadFromPod(mesh, "client", "http://server/", seconds),
    loadFromOutside(`http://${mesh.gateway}/`, seconds),
  ]);
  load.catch(() => {});
  const start = Date.now();
  const at = (share: number): Promise<void> => sleep(Math.max(0, start + share * seconds * 1000 - Date.now()));
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const target of targets) serials.get(target)?.add((await secretsOf(target)).leaf.serialNumber);
      await sleep(10_000, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();

  await at(0.15);
  await mesh.restart("istiod", "istio-system");
  await at(0.3);
  await client.patch(resourceTypes.secrets, {
    namespace: "istio-system",
    name: "istio-ca-secret",
    as: "merge",
    patch: { metadata: { annotations: { [rotateAnnotation]: "now" } } },
  });
  await at(0.7);
  await mesh.restart("istiod", "istio-system");
  const results = await load;
  over.abort();
  await watching;

  for (const result of results) assertNoneFailed(result, seconds * 20);
  const figures = {
    requests: results.map(({ sent }) => sent),
    certificates: [...serials.values()].map(({ size }) => size),
  };
  t.diagnostic(JSON.stringify(figures));
  for (const target of targets) {
    const { leaf, roots } = await secretsOf(target);
    const issuer = roots.map((root) => new X509Certificate(root)).find((root) => leaf.verify(root.publicKey));
    assert.ok(issuer, `${target}: no trusted root has signed the certificate`);
    assert.notEqual(issuer.toString().trim(), first, `${target}: the first root still signs`);
    assert.ok(roots.includes(first), `${target}: the first root is believed while what it signed may hold`);
    const least = Math.floor(seconds / (lifetimeSeconds / 2)) - 1;
    const { size } = serials.get(target) ?? { size: 0 };
    assert.ok(size >= least, `${target}: ${size} certificates, expected ${least}`);
  }
});
