/** Names that operators know from Istio. */

export type Direction = "outbound" | "inbound";

/** `outbound|9080|v1|reviews.default.svc.cluster.local`. */
export function clusterName(direction: Direction, port: number, subset: string, hostname: string): string {
  return `${direction}|${port}|${subset}|${hostname}`;
}

/** `outbound_.9080_.v1_.reviews.default.svc.cluster.local`: the same as a host name for TLS. Istio: BuildDNSSrvSubsetKey. */
export function sniName(port: number, subset: string, hostname: string): string {
  return `outbound_.${port}_.${subset}_.${hostname}`;
}

export interface ClusterNameParts {
  readonly direction: string;
  readonly port: number;
  readonly subset: string;
  readonly hostname: string;
}

/** The parts of a cluster's name, in either form; `undefined` for names that aren't of one. */
export function parseClusterName(name: string): ClusterNameParts | undefined {
  const parts = name.split(name.includes("|") ? "|" : "_.");
  const [direction, port, subset, hostname] = parts;
  if (parts.length !== 4 || direction === undefined || subset === undefined || hostname === undefined) return undefined;
  const number = Number(port);
  return Number.isInteger(number) ? { direction, port: number, subset, hostname } : undefined;
}

export const passthroughCluster = "PassthroughCluster";
export const blackHoleCluster = "BlackHoleCluster";
/** Goes where the host of a request leads. */
export const dynamicDnsCluster = "AllowAnyDynamicDNSCluster";
export const inboundPassthroughCluster = "InboundPassthroughCluster";

/** Envoy cuts statistics' names at colons and dots; the semicolon ends the part that Istio's tag extraction takes. */
export function statName(name: string): string {
  return `${name};`;
}
