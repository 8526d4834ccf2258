import type { RemoteService } from "./bootstrap/sinks.ts";
import type { ProxyTracing } from "./bootstrap/tracing.ts";
import type { ReadinessProbe } from "./health/readiness-probe.ts";

/** Istio's ProxyConfig as JSON: the fields that the agent heeds. All travel to istiod. */
export interface ProxyConfig {
  readonly configPath?: string;
  readonly binaryPath?: string;
  readonly serviceCluster?: string;
  readonly discoveryAddress?: string;
  readonly controlPlaneAuthPolicy?: string;
  readonly proxyAdminPort?: number;
  readonly statusPort?: number;
  readonly concurrency?: number;
  readonly drainDuration?: string;
  readonly terminationDrainDuration?: string;
  readonly interceptionMode?: string;
  readonly proxyMetadata?: Readonly<Record<string, string>>;
  readonly proxyStatsMatcher?: {
    readonly inclusionPrefixes?: readonly string[];
    readonly inclusionSuffixes?: readonly string[];
    readonly inclusionRegexps?: readonly string[];
  };
  readonly tracing?: ProxyTracing;
  readonly readinessProbe?: ReadinessProbe;
  readonly envoyMetricsService?: RemoteService;
  readonly envoyAccessLogService?: RemoteService;
  readonly runtimeValues?: Readonly<Record<string, string>>;
  readonly connectionSettings?: { readonly globalDownstreamConnectionLimit?: number };
  readonly statsdUdpAddress?: string;
  readonly extraStatTags?: readonly string[];
  readonly [field: string]: unknown;
}

/** Reads PROXY_CONFIG: JSON as injection writes it, or YAML as people do. Throws when it is neither. */
export async function parseProxyConfig(text: string | undefined): Promise<ProxyConfig> {
  if (text === undefined || text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // loaded only here: the agent is in every pod, a YAML parser need not be
    const { parse } = await import("yaml");
    value = parse(text);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`PROXY_CONFIG must be a map of proxy settings, not '${text.slice(0, 100)}'`);
  return value as ProxyConfig;
}
