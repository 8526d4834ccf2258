import { type Locality, noLocality } from "./locality.ts";

/** Ports below it are for privileged processes only. */
export const firstUnprivilegedPort = 1024;

export type ProxyType = "sidecar" | "router";

/** One data-plane proxy, as its node id and metadata describe it. */
export interface Proxy {
  /** The whole node id: `sidecar~10.0.0.1~pod.ns~ns.svc.cluster.local`. */
  readonly id: string;
  readonly type: ProxyType;
  readonly ip: string;
  readonly ips: readonly string[];
  /** Pod name and namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly dnsDomain: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterId: string;
  /** The network it is in; empty where there is one only. */
  readonly network: string;
  readonly version: string;
  readonly serviceAccount: string;
  readonly locality: Locality;
  /** `REDIRECT` unless the pod uses `TPROXY` or `NONE`. */
  readonly interceptionMode: "REDIRECT" | "TPROXY" | "NONE";
  /** Node metadata as it was sent. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Whether it may not open ports below 1024. Istio: ISTIO_META_UNPRIVILEGED_POD. */
  readonly isUnprivileged: boolean;
  /**
   * If it asks where the proxies run that share its load: labels that they have in common with it. Istio: ENABLE_SELF_DISCOVERY,
   * SELF_DISCOVERY_GROUPING_LABEL_NAMES.
   */
  readonly peerLabels: readonly string[] | undefined;
  /** Whether its agent answers the workload's DNS queries, so that hosts can have addresses that nobody else knows. */
  readonly capturesDns: boolean;
  /** Whether secrets in files come from another of Envoy's clusters than its certificate, which is somebody else's (SPIRE's). */
  readonly filesApart: boolean;
}

/** The parts of `envoy.config.core.v3.Node` that are read. */
export interface ProxyNode {
  readonly id: string;
  readonly cluster?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string };
}

/** Parses a node; a string says what is wrong with it. Istio: pilot/pkg/model ParseServiceNodeWithMetadata. */
export function parseProxy(node: ProxyNode): Proxy | string {
  const parts = node.id.split("~");
  const [type, ip = "", workload = "", dnsDomain = ""] = parts;
  if (parts.length !== 4) return `node id ${quote(node.id)} hasn't the form type~ip~pod.namespace~domain`;
  if (type !== "sidecar" && type !== "router") {
    return `node id ${quote(node.id)} has the type ${quote(type ?? "")}: expected sidecar or router`;
  }
  const metadata = node.metadata ?? {};
  const ips = text(metadata["INSTANCE_IPS"])
    .split(",")
    .filter((candidate) => candidate !== "");
  const addresses = ips.length > 0 ? ips : ip === "" ? [] : [ip];
  const address = addresses[0];
  if (address === undefined) return `node id ${quote(node.id)} has no IP address`;
  const dot = workload.lastIndexOf(".");
  const namespace = text(metadata["NAMESPACE"]) || (dot < 0 ? "" : workload.slice(dot + 1));
  if (namespace === "") return `node id ${quote(node.id)} has no namespace and the metadata has no NAMESPACE`;
  const mode = text(metadata["INTERCEPTION_MODE"]);
  const { region = "", zone = "", subZone = "" } = node.locality ?? {};
  return Object.freeze({
    id: node.id,
    type,
    ip: address,
    ips: addresses,
    name: dot < 0 ? workload : workload.slice(0, dot),
    namespace,
    dnsDomain,
    labels: Object.freeze(labels(metadata["LABELS"])),
    clusterId: text(metadata["CLUSTER_ID"]) || "Kubernetes",
    network: text(metadata["NETWORK"]),
    version: text(metadata["ISTIO_VERSION"]),
    serviceAccount: text(metadata["SERVICE_ACCOUNT"]),
    locality: region === "" && zone === "" && subZone === "" ? noLocality : { region, zone, subzone: subZone },
    metadata,
    isUnprivileged: isTrue(metadata["UNPRIVILEGED_POD"]),
    peerLabels: isTrue(metadata["ENABLE_SELF_DISCOVERY"]) ? peerLabels(metadata) : undefined,
    capturesDns: isTrue(metadata["DNS_CAPTURE"]),
    filesApart: isTrue(metadata["file-credential"]),
    interceptionMode: mode === "TPROXY" || mode === "NONE" ? mode : "REDIRECT",
  });
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true" || value === "1";
}

/** Pods of one ReplicaSet share their load, unless the metadata says otherwise. */
function peerLabels(metadata: Proxy["metadata"]): readonly string[] {
  const names = text(metadata["SELF_DISCOVERY_GROUPING_LABEL_NAMES"]).split(",");
  const given = names.map((name) => name.trim()).filter((name) => name !== "");
  return given.length > 0 ? given : ["pod-template-hash"];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function quote(value: string): string {
  return JSON.stringify(value.slice(0, 200));
}

function labels(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
