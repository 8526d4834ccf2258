import { networkInterfaces } from "node:os";
import { dirname, resolve } from "node:path";
import { duration } from "./duration.ts";
import type { ForeignSockets } from "./identity/foreign-sockets.ts";
import { type IdentitySettings, identitySettings } from "./identity/settings.ts";
import type { ServerAddress } from "./istiod-connection.ts";
import type { ProxyConfig } from "./proxy-config.ts";
import { discoveryServer } from "./servers.ts";

/** Everything the agent knows at its start, from arguments, environment and PROXY_CONFIG. Durations in ms. */
export interface AgentSettings {
  readonly kind: "sidecar" | "router";
  /** `NAMESPACE.svc.cluster.local`. */
  readonly domain: string;
  readonly podName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The pod's addresses, its own first. */
  readonly instanceIps: readonly string[];
  readonly clusterId: string;
  readonly proxyConfig: ProxyConfig;
  /** Environment of the process: ISTIO_META_*, probes, metrics. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where configuration comes from. */
  readonly discovery: ServerAddress;
  readonly tokenPath: string;
  readonly podInfoDir: string;
  readonly configDir: string;
  readonly xdsSocket: string;
  readonly identity: IdentitySettings;
  readonly foreignSockets: ForeignSockets;
  readonly envoyPath: string;
  readonly adminPort: number;
  readonly statusPort: number;
  readonly prometheusPort: number;
  readonly envoyStatusPort: number;
  /** Metrics for peers in the mesh only: Envoy's own, and the merged ones. Undefined: none. */
  readonly secureMetricsPort: number | undefined;
  readonly secureMergedMetricsPort: number | undefined;
  /** Envoy's worker threads; 0 is one for each core. */
  readonly concurrency: number;
  readonly proxyLogLevel: string;
  readonly proxyComponentLogLevel: string;
  readonly drainMs: number;
  readonly terminationDrainMs: number;
  readonly exitOnZeroConnections: boolean;
  readonly minimumDrainMs: number;
  readonly outlierLogPath: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Arguments after `proxy`. Flags that Istio's agent has and this one doesn't need are taken and ignored. */
export function parseProxyArgs(args: readonly string[]): { kind: "sidecar" | "router"; flags: Map<string, string> } {
  const flags = new Map<string, string>();
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string;
    const [, name, , value] = /^--([^=]+)(=([\s\S]*))?$/.exec(arg) ?? [];
    if (name === undefined) rest.push(arg);
    else if (value !== undefined) flags.set(name, value);
    else if (name === "log_as_json") flags.set(name, "true");
    else {
      flags.set(name, args[index + 1] ?? "");
      index += 1;
    }
  }
  const kind = rest[0] ?? "sidecar";
  if (kind !== "sidecar" && kind !== "router")
    throw new Error(`proxy: role '${kind}' is not known; it is 'sidecar' or 'router'`);
  return { kind, flags };
}

/** Settings from the parts. Throws an Error that names the variable it can't use. */
export function agentSettings(args: readonly string[], env: Environment, proxyConfig: ProxyConfig): AgentSettings {
  const { kind, flags } = parseProxyArgs(args);
  const namespace = env["POD_NAMESPACE"] ?? "default";
  const configDir = resolve("/", proxyConfig.configPath ?? "./etc/istio/proxy");
  const discovery = discoveryServer(env, proxyConfig);
  const domain = flags.get("domain") || `${namespace}.svc.cluster.local`;
  return {
    kind,
    domain: domain.replaceAll("$(POD_NAMESPACE)", namespace),
    podName: env["POD_NAME"] ?? "",
    namespace,
    serviceAccount: env["SERVICE_ACCOUNT"] ?? "default",
    instanceIps: instanceIps(env["INSTANCE_IP"]),
    clusterId: env["ISTIO_META_CLUSTER_ID"] ?? "Kubernetes",
    proxyConfig,
    env,
    discovery,
    tokenPath: env["ISTIO_TOKEN_PATH"] ?? "/var/run/secrets/tokens/istio-token",
    podInfoDir: env["ISTIO_POD_INFO"] ?? "/etc/istio/pod",
    configDir,
    xdsSocket: `${configDir}/XDS`,
    identity: identitySettings(env, discovery),
    foreignSockets: { workload: false, credentials: false },
    envoyPath: proxyConfig.binaryPath ?? "/usr/local/bin/envoy",
    adminPort: proxyConfig.proxyAdminPort ?? 15000,
    statusPort: proxyConfig.statusPort ?? 15020,
    prometheusPort: portFrom(env, "ENVOY_PROMETHEUS_PORT", 15090),
    envoyStatusPort: portFrom(env, "ENVOY_STATUS_PORT", 15021),
    secureMetricsPort: portFrom(env, "ENVOY_SECURE_METRICS_PORT", undefined),
    secureMergedMetricsPort: portFrom(env, "ENVOY_SECURE_MERGED_METRICS_PORT", undefined),
    concurrency: concurrency(flags.get("concurrency"), proxyConfig.concurrency, env["ISTIO_CPU_LIMIT"]),
    proxyLogLevel: flags.get("proxyLogLevel") || "warning",
    proxyComponentLogLevel: flags.get("proxyComponentLogLevel") || "misc:error",
    drainMs: duration("PROXY_CONFIG drainDuration", proxyConfig.drainDuration ?? "45s"),
    terminationDrainMs: duration(
      "terminationDrainDuration",
      env["TERMINATION_DRAIN_DURATION_SECONDS"]
        ? `${env["TERMINATION_DRAIN_DURATION_SECONDS"]}s`
        : (proxyConfig.terminationDrainDuration ?? "5s"),
    ),
    exitOnZeroConnections: env["EXIT_ON_ZERO_ACTIVE_CONNECTIONS"] === "true",
    minimumDrainMs: duration("MINIMUM_DRAIN_DURATION", env["MINIMUM_DRAIN_DURATION"] ?? "5s"),
    outlierLogPath: flags.get("outlierLogPath") ?? "",
  };
}

/** The directory that must be there for the Unix sockets. */
export function socketDir(settings: AgentSettings): string {
  return dirname(settings.xdsSocket);
}

function portFrom<Fallback extends number | undefined>(
  env: Environment,
  name: string,
  fallback: Fallback,
): number | Fallback {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`${name}: '${text}' is not a port`);
  return port;
}

/** Istio: the flag, else ProxyConfig, else the CPU limit rounded up, else 2. */
function concurrency(flag: string | undefined, config: number | undefined, cpuLimit: string | undefined): number {
  const given = flag === undefined || flag === "" ? config : Number(flag);
  if (given !== undefined && Number.isInteger(given) && given >= 0) return given;
  const limit = Math.ceil(Number(cpuLimit));
  return Number.isInteger(limit) && limit > 0 ? limit : 2;
}

function instanceIps(own: string | undefined): string[] {
  const local = Object.values(networkInterfaces())
    .flat()
    .filter((item) => item !== undefined && !item.internal && !/^fe80:/i.test(item.address))
    .map((item) => item?.address ?? "");
  const all = [...(own ? own.split(",") : []), ...local];
  return all.length > 0 ? [...new Set(all)] : ["127.0.0.1"];
}
