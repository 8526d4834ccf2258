import { join, matchesGlob, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConformanceTest, type ExpectedResponse, readConformance, readManifest } from "./cases.ts";
import { conformanceCertificates } from "./certificates.ts";
import { judgeGrpc, judgeHttp } from "./judge.ts";
import { kubectl } from "./kubectl.ts";
import { callFromMesh } from "./mesh-client.ts";
import { judgeMirrors } from "./mirrors.ts";
import { sendGrpc, sendHttp } from "./requests.ts";
import { scripted } from "./scripted.ts";
import { checkStatus } from "./status.ts";
import { statuses } from "./statuses.ts";
import { gatewaysOf, type Item, itemsOf, type ReadyGateway, targetFor } from "./targets.ts";

/*
 * npm run test:conformance [-- PATTERN…]: the Gateway API's conformance tests as live requests through the cluster of the current
 * kubectl context, where Weft is installed with the Gateway API's definitions. The data is in ACCEPT, by default in ../shared/accept.
 */

const accept = resolve(process.env["ACCEPT"] ?? join(import.meta.dirname, "..", "..", "..", "shared", "accept"));
const folder = join(accept, "gateway-api", "conformance");
const meshNamespaces = ["gateway-conformance-mesh", "gateway-conformance-mesh-consumer"];
/** Configuration takes its time to arrive. */
const patienceMs = 20_000;

async function main(patterns: readonly string[]): Promise<number> {
  const { rootPem } = await prepare();
  const data = await readConformance(folder);
  let failed = 0;
  let skipped = 0;
  const all = [...data.gateway, ...data.mesh].filter(
    ({ shortName }) => patterns.length === 0 || patterns.some((pattern) => matchesGlob(shortName, pattern)),
  );
  for (const test of all) {
    const skip = skipReason(test);
    if (skip !== undefined) {
      skipped++;
      process.stdout.write(`skipped  ${test.shortName}: ${skip}\n`);
      continue;
    }
    const started = Date.now();
    const why = await run(test, rootPem).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (why !== undefined) failed++;
    const took = `${((Date.now() - started) / 1000).toFixed(1)} s`;
    process.stdout.write(
      `${why === undefined ? "passed" : "FAILED"}   ${test.shortName} (${took})${why ? `: ${why}` : ""}\n`,
    );
  }
  process.stdout.write(`conformance: ${all.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed === 0 ? 0 : 1;
}

function skipReason({ features, descriptionOnly, shortName }: ConformanceTest): string | undefined {
  if (features.includes("UDPRoute")) return "UDPRoute: Istio doesn't serve it";
  if (features.includes("GatewayStaticAddresses")) return "needs addresses that the cluster's surroundings set aside";
  if (features.includes("MeshClusterIPMatching"))
    return "Istio's sidecars route by the host that is asked for, not by the address";
  const isWritten = scripted[shortName] !== undefined || statuses[shortName] !== undefined;
  return descriptionOnly && !isWritten ? "only described, and no check is written yet" : undefined;
}

async function prepare(): Promise<{ readonly rootPem: string }> {
  const certificates = (await presentCertificates()) ?? (await conformanceCertificates());
  const base = await Promise.all(
    ["base/manifests.yaml", "mesh/manifests.yaml"].map((path) => readManifest(folder, path)),
  );
  // The name server is for UDPRoutes only.
  const items = itemsOf(base.join("\n---\n")).filter(({ metadata }) => metadata.name !== "coredns");
  const namespaces = items.filter(({ kind }) => kind === "Namespace").map(withInjection);
  const others = items.filter(({ kind }) => kind !== "Namespace");
  await kubectl(["apply", "-f", "-"], listOf(namespaces));
  if (certificates.manifests !== "") await kubectl(["apply", "-f", "-"], certificates.manifests);
  await kubectl(["apply", "-f", "-"], listOf(others));
  for (const { metadata } of namespaces)
    await kubectl(["-n", metadata.name, "wait", "--for=condition=Available", "--timeout=120s", "deployment", "--all"]);
  return certificates;
}

/** Those of an earlier run: pods that are there already serve with them. */
async function presentCertificates(): Promise<{ readonly manifests: string; readonly rootPem: string } | undefined> {
  const get = ["-n", "gateway-conformance-infra", "get", "configmap", "tls-checks-ca-certificate"];
  const rootPem = await kubectl([...get, "--ignore-not-found", "-o", "jsonpath={.data.ca\\.crt}"]);
  return rootPem === "" ? undefined : { manifests: "", rootPem };
}

function listOf(items: readonly Item[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** Namespaces of the mesh have injection. */
function withInjection(item: Item): Item {
  if (!meshNamespaces.includes(item.metadata.name)) return item;
  const { labels } = item.metadata as { labels?: object };
  return { ...item, metadata: { ...item.metadata, labels: { ...labels, "istio-injection": "enabled" } } } as Item;
}

async function run(test: ConformanceTest, rootPem: string): Promise<void> {
  const manifest = (await Promise.all(test.manifests.map((path) => readManifest(folder, path)))).join("\n---\n");
  await kubectl(["apply", "-f", "-"], manifest);
  try {
    const items = itemsOf(manifest);
    const isMesh = test.features.includes("Mesh");
    const gateways = isMesh ? [] : await gatewaysOf(items);
    for (const [index, expected] of (test.expectedResponses ?? []).entries()) {
      const name =
        expected.testCaseName ?? `${index + 1}: ${expected.request?.host ?? ""}${expected.request?.path ?? ""}`;
      await eventually(name, () =>
        isMesh ? callFromMesh(expected, manifest.includes("urlRewrite")) : tryGateways(gateways, expected, rootPem),
      );
    }
    for (const text of statuses[test.shortName] ?? []) await eventually("status", () => checkStatus(text));
    await scripted[test.shortName]?.({ rootPem, items, eventually });
  } finally {
    await kubectl(["delete", "--ignore-not-found", "--wait=true", "-f", "-"], manifest);
  }
}

/** Where routes are on several Gateways, the data doesn't say which one is meant: one must answer as expected. */
async function tryGateways(
  gateways: readonly ReadyGateway[],
  expected: ExpectedResponse,
  rootPem: string,
): Promise<void> {
  let last: unknown = new Error("no Gateway to ask");
  for (const gateway of gateways) {
    try {
      await ask(gateway, expected, rootPem);
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

async function ask(gateway: ReadyGateway, expected: ExpectedResponse, rootPem: string): Promise<void> {
  const method = expected.echoThreeRequest ? "EchoThree" : expected.echoTwoRequest ? "EchoTwo" : "Echo";
  if (expected.echoRequest || expected.echoTwoRequest || expected.echoThreeRequest || expected.requestMetadata) {
    const target = targetFor(gateway, expected.requestMetadata?.authority ?? gateway.address, rootPem);
    judgeGrpc(expected, await sendGrpc(target, method, expected.requestMetadata));
    return;
  }
  const host = expected.request?.host ?? expected.host ?? "";
  const target = targetFor(gateway, host, rootPem);
  const send = () => sendHttp(target, { ...expected.request, host });
  judgeHttp(expected, await send());
  if (expected.mirroredTo) await judgeMirrors(expected, send);
}

async function eventually(name: string, check: () => Promise<void>): Promise<void> {
  for (const until = Date.now() + patienceMs; ; await sleep(200)) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > until)
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

process.exitCode = await main(process.argv.slice(2));
