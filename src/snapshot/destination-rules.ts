import type { DestinationRule, Subset, TrafficPolicy } from "#api/istio/destination-rule.ts";
import { isWildcard, mostSpecific, resolveShortName } from "#model/host.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { exportTo, isVisible } from "#registry/service.ts";

/** One or more DestinationRules of a namespace for one host, merged: subsets add up, the oldest traffic policy wins. */
export interface DestinationPolicy {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly exportTo: ReadonlySet<string>;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  readonly sources: readonly DestinationRule[];
}

/** Policies by the namespace they live in, then by host. */
export type DestinationPolicies = ReadonlyMap<string, ReadonlyMap<string, DestinationPolicy>>;

/** Merges rules that come in order of age. Istio: mergeDestinationRule. */
export function mergeDestinationRules(
  rules: readonly DestinationRule[],
  clusterDomain: string,
  mesh: MeshConfig,
): Map<string, Map<string, DestinationPolicy>> {
  const result = new Map<string, Map<string, DestinationPolicy>>();
  for (const rule of rules) {
    const { name = "", namespace = "" } = rule.metadata;
    const host = resolveShortName(rule.spec.host ?? "", namespace, clusterDomain).toLowerCase();
    if (host === "" || rule.spec.workloadSelector) continue;
    const group = result.get(namespace) ?? new Map<string, DestinationPolicy>();
    result.set(namespace, group);
    const before = group.get(host);
    group.set(host, before === undefined ? first(rule, host, name, namespace, mesh) : merged(before, rule));
  }
  return result;
}

function first(
  rule: DestinationRule,
  host: string,
  name: string,
  namespace: string,
  mesh: MeshConfig,
): DestinationPolicy {
  return {
    host,
    name,
    namespace,
    exportTo: exportTo(rule.spec.exportTo, namespace, mesh.defaultDestinationRuleExportTo),
    trafficPolicy: rule.spec.trafficPolicy ?? undefined,
    subsets: rule.spec.subsets ?? [],
    sources: [rule],
  };
}

function merged(before: DestinationPolicy, rule: DestinationRule): DestinationPolicy {
  const known = new Set(before.subsets.map((subset) => subset.name));
  return {
    ...before,
    trafficPolicy: before.trafficPolicy ?? rule.spec.trafficPolicy ?? undefined,
    subsets: [...before.subsets, ...(rule.spec.subsets ?? []).filter((subset) => !known.has(subset.name))],
    sources: [...before.sources, rule],
  };
}

/**
 * The policy a client in `clientNamespace` uses for a service: its own namespace's first, then the service's, then the root
 * namespace's; in each the most specific host. Istio: PushContext.destinationRule.
 */
export function findDestinationPolicy(
  policies: DestinationPolicies,
  clientNamespace: string,
  service: { readonly hostname: string; readonly namespace: string },
  rootNamespace: string,
): DestinationPolicy | undefined {
  const own = clientNamespace === rootNamespace ? undefined : inNamespace(policies, clientNamespace, service.hostname);
  if (own !== undefined) return own;
  for (const namespace of [service.namespace, rootNamespace]) {
    const found = inNamespace(policies, namespace, service.hostname, clientNamespace);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inNamespace(
  policies: DestinationPolicies,
  namespace: string,
  hostname: string,
  visibleTo?: string,
): DestinationPolicy | undefined {
  const group = policies.get(namespace);
  if (group === undefined) return undefined;
  const seen = (policy: DestinationPolicy): boolean => visibleTo === undefined || isVisible(policy.exportTo, visibleTo);
  const exact = group.get(hostname);
  if (exact !== undefined && seen(exact)) return exact;
  return mostSpecific(
    [...group].filter(([host, policy]) => isWildcard(host) && seen(policy)),
    hostname,
  );
}
