import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DescMessage, fromBinary, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import type { Proxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import type { MeshInput } from "#snapshot/input.ts";
import { type ProxyView, proxyView } from "#snapshot/proxy-view.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import type { AlternativeName } from "#x509/names.ts";
import { typeUrls } from "#xds/resource.ts";
import { localCluster } from "./endpoints/local-cluster.ts";

import { generate } from "./generate.ts";

/** Why a test that needs Envoy is skipped; false where there is one. */
export const noEnvoy: string | false = findEnvoy() ? false : "there is no Envoy";

function decode(schema: DescMessage, view: ProxyView, typeUrl: string, names?: readonly string[]): JsonObject[] {
  return generate(view, typeUrl, names).map(
    ({ any }) =>
      toJson(schema, fromBinary(schema, fromBinary(AnySchema, any).value), { registry: envoyTypes() }) as JsonObject,
  );
}

/**
 * The proxy's configuration in one file: endpoints and routes inside of what asks for them, so that Envoy checks them too.
 * `certificate` stands in for all that come from files and secrets.
 */
export function staticBootstrap(
  input: MeshInput,
  proxy: Proxy,
  certificate: TestCertificate = testCertificate,
  { mayHaveMistakes = false }: { readonly mayHaveMistakes?: boolean } = {},
): JsonObject {
  const snapshot = buildSnapshot(undefined, input, {});
  if (!mayHaveMistakes) assert.deepEqual(snapshot.problems, []);
  const view = proxyView(snapshot, proxy);
  const clusters = decode(ClusterSchema, view, typeUrls.cluster).map((cluster) => {
    if (cluster["type"] !== "EDS") return cluster;
    const { edsClusterConfig: _eds, type: _type, ...rest } = cluster;
    const [loadAssignment = {}] = decode(ClusterLoadAssignmentSchema, view, typeUrls.endpoint, [
      cluster["name"] as string,
    ]);
    return { ...rest, type: "STATIC", loadAssignment };
  });
  const listeners = decode(ListenerSchema, view, typeUrls.listener).map((listener) => inlineRoutes(listener, view));
  const { region, zone, subzone } = view.place.locality;
  const [peers] = decode(ClusterLoadAssignmentSchema, view, typeUrls.endpoint, [localCluster]);
  if (peers) clusters.push({ name: localCluster, type: "STATIC", connectTimeout: "1s", loadAssignment: peers });
  return {
    node: { id: "test", cluster: "test", locality: { region, zone, subZone: subzone } },
    ...(peers ? { clusterManager: { localClusterName: localCluster } } : {}),
    staticResources: withCertificates({ clusters, listeners }, certificate),
  };
}

const root = await createSelfSignedRoot("test", new Date());

/** With its key and the authority that issued it, all in PEM. */
interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
const { publicKey, privateKey } = await generateKeyPair();

/** A certificate for that name. All of them are of one authority, and have one key. */
export function certificateFor(name: AlternativeName): TestCertificate {
  return {
    cert: issue(authority, { publicKey, names: [name], lifetimeMs: 3_600_000, now: new Date() }),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    ca: root.certificatePem,
  };
}

/** What stands in for all certificates and authorities unless another is given. Its name is `test.example`. */
export const testCertificate: TestCertificate = certificateFor({ dns: "test.example" });

/** Puts a certificate in place of each file that the machine of the test doesn't have, and of each secret. */
function withCertificates(value: JsonValue, own: TestCertificate): JsonValue {
  if (Array.isArray(value)) return value.map((item) => withCertificates(item, own));
  if (typeof value !== "object" || value === null) return value;
  const pair = { certificateChain: { inlineString: own.cert }, privateKey: { inlineString: own.key } };
  const authorities = { inlineString: own.ca };
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "watchedDirectory" || key === "crl") continue;
    const file = typeof item === "object" && item !== null && "filename" in item;
    if (file && (key === "privateKey" || key === "certificateChain")) copy[key] = pair[key];
    else if (file && key === "trustedCa") copy[key] = authorities;
    else if (key === "tlsCertificateSdsSecretConfigs") copy["tlsCertificates"] = [pair];
    else if (key === "combinedValidationContext") {
      const { defaultValidationContext = {} } = item as JsonObject;
      copy["validationContext"] = { ...(defaultValidationContext as JsonObject), trustedCa: authorities };
    } else copy[key] = withCertificates(item, own);
  }
  return copy;
}

/** Fails with Envoy's words unless it accepts the configuration. */
export function envoyAccepts(config: JsonObject): void {
  const folder = mkdtempSync(join(tmpdir(), "weft-envoy-"));
  try {
    const path = join(folder, "envoy.json");
    writeFileSync(path, JSON.stringify(config));
    execFileSync(findEnvoy() ?? "", ["--mode", "validate", "--log-level", "error", "-c", path], {
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch (error) {
    assert.fail(`Envoy refuses the configuration: ${(error as { stderr?: string }).stderr?.slice(-2000)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function inlineRoutes(value: JsonObject, view: ProxyView): JsonObject {
  const { rds, ...rest } = value;
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(rest)) copy[key] = inlineIn(item, view);
  if (rds === undefined) return copy;
  const { routeConfigName } = rds as { routeConfigName: string };
  const [routeConfig] = decode(RouteConfigurationSchema, view, typeUrls.route, [routeConfigName]);
  assert.ok(routeConfig, `no routes for ${routeConfigName}`);
  return { ...copy, routeConfig };
}

function inlineIn(value: JsonValue, view: ProxyView): JsonValue {
  if (Array.isArray(value)) return value.map((item) => inlineIn(item, view));
  return typeof value === "object" && value !== null ? inlineRoutes(value, view) : value;
}
