import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { envoyTypes } from "#api/envoy/types.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { bootstrap } from "../../src/agent/bootstrap/bootstrap.ts";
import { xdsNode } from "../../src/agent/node.ts";
import type { ProxyConfig } from "../../src/agent/proxy-config.ts";
import { type AgentSettings, agentSettings } from "../../src/agent/settings.ts";
import { parseTextProto, type TextMessage, type TextValue } from "./bootstrap/text-proto.ts";
import type { AcceptCase } from "./suite.ts";

interface Case {
  readonly base: string;
  readonly proxycfg: string;
  readonly golden: string;
  readonly envVars?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly checkLocality?: boolean;
  readonly secureMetricsPort?: number;
  readonly secureMergedMetricsPort?: number;
}

interface Expectations {
  readonly defaults: { readonly instanceIPs: readonly string[] };
  readonly cases: readonly Case[];
}

/** Envoy's bootstrap from a proxy's settings, compared with Istio's, and shown to Envoy. */
export default async function bootstraps(folder: string): Promise<readonly AcceptCase[]> {
  const { defaults, cases } = JSON.parse(readFileSync(join(folder, "expectations.json"), "utf8")) as Expectations;
  return cases.map((one) => {
    const file = (name: string): string => readFileSync(join(folder, "testdata", name), "utf8");
    const proxyConfig = proxyConfigOf(parseTextProto(file(one.proxycfg)));
    return {
      name: one.base,
      ...(proxyConfig.tracing?.lightstep
        ? { skip: "Envoy 1.40 has no tracer for Lightstep, which takes OpenTelemetry instead" }
        : {}),
      run() {
        const actual = build(one, proxyConfig, defaults.instanceIPs);
        const expected = JSON.parse(file(one.golden)) as JsonObject;
        assert.deepEqual(comparable(actual, one), comparable(expected, one));
        validate(actual);
      },
    };
  });
}

function build(one: Case, proxyConfig: ProxyConfig, instanceIps: readonly string[]): JsonObject {
  const env: Record<string, string> = { ...one.envVars };
  if (one.secureMetricsPort) env["ENVOY_SECURE_METRICS_PORT"] = String(one.secureMetricsPort);
  if (one.secureMergedMetricsPort) env["ENVOY_SECURE_MERGED_METRICS_PORT"] = String(one.secureMergedMetricsPort);
  const settings: AgentSettings = {
    ...agentSettings(["sidecar", "--outlierLogPath=/dev/stdout"], env, proxyConfig),
    instanceIps: [...new Set(instanceIps)],
  };
  const pod = { labels: {}, annotations: one.annotations ?? {} };
  return JSON.parse(JSON.stringify(bootstrap(settings, xdsNode(settings, pod), pod))) as JsonObject;
}

/** Protobuf's JSON form of the proxy config. */
function proxyConfigOf(message: TextMessage): ProxyConfig {
  return jsonOf(message) as ProxyConfig;
}

function jsonOf(value: TextValue): unknown {
  if (typeof value !== "object") return value;
  if (isList(value)) {
    const pairs = value.map((item) => (typeof item === "object" && !isList(item) && "key" in item ? item : undefined));
    if (pairs.every((pair) => pair !== undefined) && pairs.length > 0)
      return Object.fromEntries(pairs.map((pair) => [pair["key"], pair["value"]]));
    return value.map(jsonOf);
  }
  const names = Object.keys(value);
  if (names.join() === "seconds") return `${value["seconds"] as number}s`;
  if (names.join() === "value") return jsonOf(value["value"] ?? "");
  return Object.fromEntries(
    names.map((name) => [
      name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      jsonOf(value[name] ?? ""),
    ]),
  );
}

function isList(value: object): value is readonly TextValue[] {
  return Array.isArray(value);
}

interface Comparable {
  readonly node: { id?: string; cluster?: string; locality?: object; metadata: JsonObject };
  readonly tracing?: { readonly http?: { readonly typedConfig?: { serviceName?: string } } };
}

/** Metadata that istiod or Istio's own filters read and Weft's don't, that tells the build, or that INDEX.md leaves out. */
const ownMetadata = new Set([
  "PROXY_CONFIG",
  "ISTIO_VERSION",
  "ISTIO_PROXY_SHA",
  "METADATA_DISCOVERY",
  "PILOT_SAN",
  "STATIC_LABELS",
  "WORKLOAD_IDENTITY_SOCKET_FILE",
  "CLUSTER_ID",
  "MESH_ID",
  "SERVICE_ACCOUNT",
  "INTERCEPTION_MODE",
]);

/** The bootstrap as Envoy reads it, without what isn't compared. */
function comparable(json: JsonObject, { envVars, checkLocality }: Case): JsonValue {
  const type = envoyTypes().getMessage("envoy.config.bootstrap.v3.Bootstrap");
  assert.ok(type);
  const result = toJson(type, fromJson(type, json, { registry: envoyTypes() }), {
    registry: envoyTypes(),
  }) as unknown as Comparable;
  const { node } = result;
  delete node.id;
  const service = result.tracing?.http?.typedConfig;
  if (service?.serviceName === node.cluster) delete service?.serviceName;
  // Where the case has no namespace, there is none to be in the name.
  if (envVars?.["POD_NAMESPACE"] === undefined) delete node.cluster;
  if (!checkLocality) delete node.locality;
  const named = new Set(Object.keys(envVars ?? {}).map((name) => name.replace(/^ISTIO_META_|^/, "")));
  node.metadata = Object.fromEntries(
    Object.entries(node.metadata).filter(([key, value]) => {
      if (ownMetadata.has(key)) return false;
      // What Weft sends of every pod, also when the case doesn't say it.
      if (["NAME", "NAMESPACE", "POD_NAME"].includes(key)) return named.has("POD_NAMESPACE");
      return typeof value !== "object" || Object.keys(value ?? {}).length > 0;
    }),
  );
  return clean(result as unknown as JsonValue);
}

/** Socket paths aren't compared, nor extensions of Istio's own; a TypedStruct is what it stands for. */
function clean(value: JsonValue): JsonValue {
  if (Array.isArray(value))
    return value
      .filter((item) => !/"(?:typeUrl|@type)":"[^"]*\/istio\.|"workload_discovery"/.test(JSON.stringify(item)))
      .map(clean);
  if (typeof value !== "object" || value === null) return value;
  if (value["@type"] === "type.googleapis.com/udpa.type.v1.TypedStruct") {
    const inner = envoyTypes().getMessage((value["typeUrl"] as string).replace(/.*\//, ""));
    if (inner)
      return {
        "@type": value["typeUrl"] ?? "",
        ...(toJson(inner, fromJson(inner, value["value"] ?? {})) as JsonObject),
      };
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === "pipe" ? { path: "not compared" } : clean(item)]),
  );
}

function validate(config: JsonObject): void {
  const envoy = findEnvoy();
  if (envoy === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), "weft-bootstrap-"));
  try {
    const path = join(folder, "bootstrap.json");
    writeFileSync(path, JSON.stringify(config));
    execFileSync(envoy, ["--mode", "validate", "--log-level", "error", "-c", path], {
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    assert.fail(`Envoy refuses it: ${(error as { stderr?: string }).stderr?.slice(-2000)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
