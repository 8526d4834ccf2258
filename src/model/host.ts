import { isIP } from "node:net";

/** The DNS domain of clusters whose configuration doesn't say another. */
export const clusterDomain = "cluster.local";

/** A DNS name, or a pattern whose first label is `*`. */
export function isWildcard(host: string): boolean {
  return host.startsWith("*");
}

/** Whether some name matches both, either way round. Istio: host.Name.Matches. */
export function hostsOverlap(a: string, b: string): boolean {
  if (isWildcard(a) && isWildcard(b)) return a.slice(1).endsWith(b.slice(1)) || b.slice(1).endsWith(a.slice(1));
  if (isWildcard(a)) return b.endsWith(a.slice(1));
  if (isWildcard(b)) return a.endsWith(b.slice(1));
  return a === b;
}

/** Whether every name that matches `inner` matches `outer`. Istio: host.Name.SubsetOf. */
export function isSubsetOf(inner: string, outer: string): boolean {
  if (isWildcard(outer)) return (isWildcard(inner) ? inner.slice(1) : inner).endsWith(outer.slice(1));
  return !isWildcard(inner) && inner === outer;
}

/** Order from the most specific to the least: names before patterns, longer before shorter. Istio: host.MoreSpecific. */
export function compareSpecificity(a: string, b: string): number {
  if (isWildcard(a) !== isWildcard(b)) return isWildcard(a) ? 1 : -1;
  if (a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The most specific of `candidates` (any order) that covers `host`. */
export function mostSpecific<T>(candidates: Iterable<readonly [string, T]>, host: string): T | undefined {
  let best: readonly [string, T] | undefined;
  for (const candidate of candidates) {
    if (!isSubsetOf(host, candidate[0])) continue;
    if (best === undefined || compareSpecificity(candidate[0], best[0]) < 0) best = candidate;
  }
  return best?.[1];
}

/** A short name becomes a service's full name in the namespace of the resource that says it; all others stay. */
export function resolveShortName(host: string, namespace: string, clusterDomain: string): string {
  if (host === "" || host === "*" || host.includes(".") || isIP(host) !== 0) return host;
  return `${host}.${namespace}.svc.${clusterDomain}`;
}

/** The name of a Kubernetes service. */
export function serviceHostname(name: string, namespace: string, clusterDomain: string): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/** Hosts that both sides allow, the narrower of each pair, in lower case. */
export function intersection(a: readonly string[], b: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const left of a) {
    for (const right of b) {
      if (isSubsetOf(left, right)) found.add(left.toLowerCase());
      else if (isSubsetOf(right, left)) found.add(right.toLowerCase());
    }
  }
  return [...found];
}
