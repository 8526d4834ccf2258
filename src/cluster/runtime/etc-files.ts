import type { Pod } from "kubernetes-types/core/v1.d.ts";

export interface DnsFacts {
  /** Address of the cluster's DNS. */
  readonly clusterDns: string;
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** The host's /etc/resolv.conf. */
  readonly hostResolvConf: string;
}

interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** The pod's name for itself: `spec.hostname`, else its name, which may be longer than a host name can be. */
export function hostnameOf(pod: Pod, nodeName: string): string {
  if (pod.spec?.hostNetwork) return nodeName;
  return (pod.spec?.hostname ?? pod.metadata?.name ?? "").slice(0, 63).replace(/[-.]+$/, "");
}

/** The content of the pod's /etc/hosts, as the kubelet writes it. */
export function hostsFile(pod: Pod, ip: string, hostname: string, clusterDomain: string): string {
  const namespace = pod.metadata?.namespace ?? "default";
  const { subdomain, hostAliases = [] } = pod.spec ?? {};
  const full = subdomain ? [`${hostname}.${subdomain}.${namespace}.svc.${clusterDomain}`] : [];
  const lines = [
    "# Written by weft for this pod.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    [ip, ...full, hostname].join("\t"),
    ...hostAliases.map((alias) => [alias.ip ?? "", ...(alias.hostnames ?? [])].join("\t")),
  ];
  return `${lines.join("\n")}\n`;
}

/** The content of the pod's /etc/resolv.conf by `dnsPolicy` and `dnsConfig` (Kubernetes: "DNS for Services and Pods"). */
export function resolvConf(pod: Pod, facts: DnsFacts): string {
  const base = policyConf(pod, facts);
  const extra = pod.spec?.dnsConfig ?? {};
  const nameservers = [...new Set([...base.nameservers, ...(extra.nameservers ?? [])])];
  const searches = [...new Set([...base.searches, ...(extra.searches ?? [])])];
  const options = mergeOptions(
    base.options,
    (extra.options ?? []).map(({ name, value }) => (value === undefined ? (name ?? "") : `${name}:${value}`)),
  );
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function policyConf(pod: Pod, facts: DnsFacts): ResolvConf {
  const policy = pod.spec?.dnsPolicy ?? "ClusterFirst";
  const host = parseResolvConf(facts.hostResolvConf);
  if (policy === "None") return { nameservers: [], searches: [], options: [] };
  if (policy === "Default" || (policy === "ClusterFirst" && pod.spec?.hostNetwork)) return host;
  const namespace = pod.metadata?.namespace ?? "default";
  const domain = facts.clusterDomain;
  return {
    nameservers: [facts.clusterDns],
    searches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches],
    options: ["ndots:5"],
  };
}

function parseResolvConf(text: string): ResolvConf {
  const of = (keyword: string): readonly string[] =>
    text
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([first]) => first === keyword)
      .flatMap(([, ...rest]) => rest);
  return { nameservers: of("nameserver"), searches: of("search"), options: of("options") };
}

/** A later option replaces an earlier one of the same name. */
function mergeOptions(base: readonly string[], extra: readonly string[]): readonly string[] {
  const byName = new Map([...base, ...extra].map((option) => [option.split(":")[0] ?? option, option]));
  return [...byName.values()];
}
