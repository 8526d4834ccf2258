import { parseArgs } from "node:util";
import { parseDuration } from "#model/duration.ts";

import type { Attachment } from "#snapshot/attachment.ts";

import { type CaOptions, readCaOptions } from "./identity/ca-options.ts";
import { readTokenKeyOptions, type TokenKeyOptions } from "./token-keys/options.ts";

/** How one istiod runs. Port 0 takes a free one. */
export interface IstiodOptions {
  /** Its own namespace: where its secrets and config maps are. */
  readonly namespace: string;
  readonly revision: string;
  readonly clusterId: string;
  readonly domain: string;
  readonly host: string | undefined;
  readonly ports: {
    /** Undefined: closed. */
    readonly xds: number | undefined;
    readonly secureXds: number;
    readonly monitoring: number;
    readonly http: number;
    readonly webhook: number;
  };
  readonly maxConnectionAgeMs: number;
  /** How long the WorkloadEntry of a proxy that is gone stays. */
  readonly workloadGraceMs: number;
  readonly debounceMs: { readonly quiet: number; readonly longest: number };
  readonly pushesAtOnce: number;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Istio: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY. */
  readonly attachment: Attachment;
  /** Istio: PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS. */
  readonly severalAuthorizers: boolean;
  readonly ca: CaOptions;
  readonly tokenKeys: TokenKeyOptions;
  /** Who sees `/debug`. Istio: ENABLE_DEBUG_ENDPOINT_AUTH, DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES. */
  readonly debug: { readonly isProtected: boolean; readonly namespaces: readonly string[] };
  /** Istio: ENABLE_NATIVE_SIDECARS and COMPLIANCE_POLICY. */
  readonly injection: { readonly enableNativeSidecars?: string; readonly compliancePolicy?: string };
}

/** The arguments of Istio's `pilot-discovery discovery` that mean something here; others are accepted and ignored. */
const flags = {
  grpcAddr: { type: "string", default: ":15010" },
  secureGRPCAddr: { type: "string", default: ":15012" },
  monitoringAddr: { type: "string", default: ":15014" },
  httpAddr: { type: "string", default: ":8080" },
  httpsAddr: { type: "string", default: ":15017" },
  domain: { type: "string", default: "cluster.local" },
  keepaliveMaxServerConnectionAge: { type: "string", default: "30m" },
  log_output_level: { type: "string", default: "" },
  kubeconfig: { type: "string" },
  context: { type: "string" },
  clusterID: { type: "string" },
} as const;

/** Throws an Error that names the flag or variable that can't be used. */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): IstiodOptions & { readonly logLevel: string | undefined } {
  const { values } = parseArgs({ args: [...args], options: flags, strict: false, allowPositionals: true });
  const text = (name: keyof typeof flags): string => String(values[name] ?? "");
  const monitoring = addressOf("monitoringAddr", text("monitoringAddr"));
  const duration = (name: string, value: string): number => {
    const ms =
      /^(inf|infinity)/i.test(value) || value === "2562047h47m16.854775807s"
        ? Number.POSITIVE_INFINITY
        : parseDuration(value);
    if (ms === undefined) throw new Error(`${name}: ${JSON.stringify(value)} is not a duration, such as 30m`);
    return ms;
  };
  const count = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name}: ${env[name]} is not a positive number`);
    return value;
  };
  const flag = (name: string, fallback: boolean): boolean => {
    const value = env[name] || String(fallback);
    if (!/^(1|0|t|f|true|false)$/i.test(value)) throw new Error(`${name}: ${value} is neither true nor false`);
    return /^[1t]/i.test(value);
  };
  const native = env["ENABLE_NATIVE_SIDECARS"];
  const compliance = env["COMPLIANCE_POLICY"];
  return {
    namespace: env["POD_NAMESPACE"] || "istio-system",
    revision: env["REVISION"] || "default",
    clusterId: text("clusterID") || env["CLUSTER_ID"] || "Kubernetes",
    domain: text("domain"),
    host: monitoring.host,
    ports: {
      xds: text("grpcAddr") === "" ? undefined : addressOf("grpcAddr", text("grpcAddr")).port,
      secureXds: addressOf("secureGRPCAddr", text("secureGRPCAddr")).port,
      monitoring: monitoring.port,
      http: addressOf("httpAddr", text("httpAddr")).port,
      webhook: addressOf("httpsAddr", text("httpsAddr")).port,
    },
    maxConnectionAgeMs: duration("keepaliveMaxServerConnectionAge", text("keepaliveMaxServerConnectionAge")),
    workloadGraceMs: duration("PILOT_WORKLOAD_ENTRY_GRACE_PERIOD", env["PILOT_WORKLOAD_ENTRY_GRACE_PERIOD"] ?? "10s"),
    debounceMs: {
      quiet: duration("PILOT_DEBOUNCE_AFTER", env["PILOT_DEBOUNCE_AFTER"] ?? "100ms"),
      longest: duration("PILOT_DEBOUNCE_MAX", env["PILOT_DEBOUNCE_MAX"] ?? "10s"),
    },
    pushesAtOnce: count("PILOT_PUSH_THROTTLE", 100),
    kubeconfig: text("kubeconfig") || undefined,
    context: text("context") || undefined,
    attachment: { selectsGateways: flag("ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY", true) },
    severalAuthorizers: flag("PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS", false),
    ca: readCaOptions(env),
    tokenKeys: readTokenKeyOptions(env),
    debug: {
      isProtected: flag("ENABLE_DEBUG_ENDPOINT_AUTH", true),
      namespaces: (env["DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES"] ?? "")
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
    },
    injection: {
      ...(native ? { enableNativeSidecars: native } : {}),
      ...(compliance ? { compliancePolicy: compliance } : {}),
    },
    logLevel: logLevelOf(text("log_output_level")),
  };
}

/** `:15014`, `127.0.0.1:0`, `[::1]:80` */
function addressOf(flag: string, text: string): { host: string | undefined; port: number } {
  const [, host = "", digits = ""] = /^(.*?):(\d+)$/.exec(text) ?? [];
  if (digits === "" || Number(digits) > 65_535)
    throw new Error(`--${flag}: ${JSON.stringify(text)} is not an address, such as :15014`);
  return { host: host.replace(/^\[|\]$/g, "") || undefined, port: Number(digits) };
}

/** Istio's `default:info,ads:debug` as one level; the most talkative scope decides. */
function logLevelOf(text: string): string | undefined {
  const levels = ["debug", "info", "warn", "error"];
  const named = text.split(",").map((scope) => scope.split(":").at(-1) ?? "");
  return levels.find((level) => named.includes(level));
}
