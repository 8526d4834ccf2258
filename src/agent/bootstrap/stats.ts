import type { PodInfo } from "../pod-info.ts";
import type { AgentSettings } from "../settings.ts";

interface StatsTag {
  readonly tag_name: string;
  readonly regex: string;
}

/** How names of metrics become tags. Clusters and listeners of the mesh end their name in `;` (alt_stat_name). */
const envoyTags: readonly StatsTag[] = [
  { tag_name: "cluster_name", regex: "^cluster(\\.(.+);)" },
  {
    tag_name: "http_conn_manager_prefix",
    regex: "^http\\.(((?:[_.[:digit:]\\w]*|[_\\[\\]aAbBcCdDeEfF[:digit:]\\w\\:]*));\\.)",
  },
  { tag_name: "thread_name", regex: "^server(\\.(.+))\\.watchdog" },
  { tag_name: "tcp_prefix", regex: "^tcp\\.((.*?)\\.)\\w+?$" },
  { tag_name: "response_code", regex: "_rq(_(\\d{3}))$" },
  { tag_name: "response_code_class", regex: "_rq(_(\\dxx))$" },
  {
    tag_name: "http_conn_manager_listener_prefix",
    regex: "^listener(?=\\.).*?\\.http\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)",
  },
  { tag_name: "listener_address", regex: "^listener\\.(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)" },
  { tag_name: "mongo_prefix", regex: "^mongo\\.(.+?)\\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$" },
];

const ownTags: readonly StatsTag[] = [
  { tag_name: "cache", regex: "(cache\\.(.+?)\\.)" },
  { tag_name: "component", regex: "(component\\.(.+?)\\.)" },
  { tag_name: "tag", regex: "(tag\\.(.+?);\\.)" },
  { tag_name: "wasm_filter", regex: "(wasm_filter\\.(.+?)\\.)" },
  { tag_name: "authz_enforce_result", regex: "rbac(\\.(allowed|denied))" },
  { tag_name: "authz_dry_run_action", regex: "(\\.istio_dry_run_(allow|deny)_)" },
  { tag_name: "authz_dry_run_result", regex: "(\\.shadow_(allowed|denied))" },
];

const keptPrefixes = ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"];
const keptSuffixes = ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied"];

/** Which metrics Envoy keeps: Istio's few, and what ProxyConfig or the pod's annotations add. */
export function statsConfig(settings: AgentSettings, pod: PodInfo): object {
  const matcher = settings.proxyConfig.proxyStatsMatcher;
  const annotated = (name: string): string[] =>
    (pod.annotations[`sidecar.istio.io/stats${name}`] ?? "").split(",").filter((item) => item !== "");
  const addresses = settings.instanceIps;
  const prefixes = [...(matcher?.inclusionPrefixes ?? []), ...annotated("InclusionPrefixes")].flatMap((prefix) =>
    prefix.includes("{pod_ip}") ? addresses.map((ip) => prefix.replaceAll("{pod_ip}", ip)) : [prefix],
  );
  const suffixes = [
    ...(matcher?.inclusionSuffixes ?? []),
    ...annotated("InclusionSuffixes"),
    // draining counts connections
    ...(settings.exitOnZeroConnections ? ["downstream_cx_active"] : []),
  ];
  const regexps = [...(matcher?.inclusionRegexps ?? []), ...annotated("InclusionRegexps")];
  return {
    use_all_default_tags: false,
    stats_tags: [...envoyTags, ...extraTags(settings, pod), ...ownTags],
    stats_matcher: {
      inclusion_list: {
        patterns: [
          ...["reporter=", ...prefixes, ...keptPrefixes].map((prefix) => ({ prefix })),
          ...[...suffixes, ...keptSuffixes].map((suffix) => ({ suffix })),
          ...[...regexps, "vhost\\..*\\.route\\..*"].map((regex) => ({ safe_regex: { regex } })),
          { prefix: "component" },
          { prefix: "istio" },
        ],
      },
    },
    ...buckets(pod.annotations["sidecar.istio.io/statsHistogramBuckets"]),
  };
}

/** Istio: `name=value` parts of a metric's name become tags of that name. */
function extraTags(settings: AgentSettings, pod: PodInfo): StatsTag[] {
  const annotated = (pod.annotations["sidecar.istio.io/extraStatTags"] ?? "").split(",");
  return [...(settings.proxyConfig.extraStatTags ?? []), ...annotated]
    .filter((tag) => /^\w+$/.test(tag))
    .map((tag) => ({ tag_name: tag, regex: `(${tag}=\\.=(.*?);\\.;)` }));
}

/** `{"istio":[1,5,10]}`: buckets of the histograms whose name starts so. What can't be read is left out. */
function buckets(text: string | undefined): object {
  if (text === undefined) return {};
  try {
    const map = JSON.parse(text) as Record<string, number[]>;
    const settings = Object.entries(map)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([prefix, values]) => ({ match: { prefix }, buckets: values }));
    return { histogram_bucket_settings: settings };
  } catch {
    return {};
  }
}

/** How often sinks get metrics, and how often unused ones are dropped (a multiple of it). */
export function statsTimes(pod: PodInfo): object {
  const seconds = (name: string): number | undefined => {
    const [, number] = /^(\d+)s$/.exec(pod.annotations[`sidecar.istio.io/${name}`] ?? "") ?? [];
    return number === undefined ? undefined : Number(number);
  };
  const flush = seconds("statsFlushInterval");
  const eviction = seconds("statsEvictionInterval");
  const usable = eviction !== undefined && eviction % (flush ?? 5) === 0;
  return {
    ...(flush === undefined ? {} : { stats_flush_interval: `${flush}s` }),
    ...(usable ? { stats_eviction_interval: `${eviction}s` } : {}),
  };
}
