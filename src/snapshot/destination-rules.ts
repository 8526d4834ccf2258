import type { DestinationRule, Subset, TrafficPolicy } from "#api/istio/destination-rule.ts";
import { compareSpecificity, isWildcard, mostSpecific, resolveShortName } from "#model/host.ts";
import { type Labels, selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { exportTo, isVisible } from "#model/visibility.ts";
import { compareText } from "./config-order.ts";

/** One or more DestinationRules of a namespace for one host, merged: subsets add up, the oldest traffic policy wins. */
export interface DestinationPolicy {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly exportTo: ReadonlySet<string>;
  /** The clients it is for, where it isn't for all of them; they are of its own namespace. */
  readonly workloadSelector: Labels | undefined;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  readonly sources: readonly DestinationRule[];
}

/** Policies by the namespace they live in, then by host. A host has several, oldest first, when they are for different clients. */
export type DestinationPolicies = ReadonlyMap<string, ReadonlyMap<string, readonly DestinationPolicy[]>>;

/** Merges rules that come in order of age. Istio: mergeDestinationRule. */
export function mergeDestinationRules(
  rules: readonly DestinationRule[],
  clusterDomain: string,
  mesh: MeshConfig,
): Map<string, Map<string, readonly DestinationPolicy[]>> {
  const result = new Map<string, Map<string, readonly DestinationPolicy[]>>();
  for (const rule of rules) {
    const next = policyOf(rule, clusterDomain, mesh);
    if (next.host === "") continue;
    const group = result.get(next.namespace) ?? new Map<string, readonly DestinationPolicy[]>();
    result.set(next.namespace, group);
    const before = group.get(next.host) ?? [];
    const same = before.find((policy) => clients(policy) === clients(next));
    group.set(
      next.host,
      same === undefined ? [...before, next] : before.map((policy) => (policy === same ? merged(same, rule) : policy)),
    );
  }
  return result;
}

function policyOf(rule: DestinationRule, clusterDomain: string, mesh: MeshConfig): DestinationPolicy {
  const { name = "", namespace = "" } = rule.metadata;
  const { host = "", subsets = [], trafficPolicy, workloadSelector } = rule.spec;
  return {
    host: resolveShortName(host, namespace, clusterDomain).toLowerCase(),
    name,
    namespace,
    exportTo: workloadSelector
      ? new Set([namespace])
      : exportTo(rule.spec.exportTo, namespace, mesh.defaultDestinationRuleExportTo),
    workloadSelector: workloadSelector && (workloadSelector.matchLabels ?? {}),
    trafficPolicy: trafficPolicy ?? undefined,
    subsets,
    sources: [rule],
  };
}

/** Who a policy is for, as text: only rules for the same clients are merged. */
function clients({ exportTo, workloadSelector }: DestinationPolicy): string {
  const labels = workloadSelector && Object.entries(workloadSelector).sort(([a], [b]) => compareText(a, b));
  return JSON.stringify([[...exportTo].sort(), labels]);
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

/** The policies of `namespace` that select a workload with these labels: mostly none, and then the same list. */
export function chosenPolicies(
  policies: DestinationPolicies,
  namespace: string,
  labels: Labels,
): readonly DestinationPolicy[] {
  const candidates = withSelector(policies).get(namespace) ?? none;
  const found = candidates.filter(({ workloadSelector }) => selects(workloadSelector, labels));
  return found.length > 0 ? found : none;
}

const none: readonly DestinationPolicy[] = Object.freeze([]);

const withSelector = memo(
  (policies: DestinationPolicies) =>
    new Map(
      [...policies].map(([namespace, group]) => [
        namespace,
        [...group.values()].flat().filter(({ workloadSelector }) => workloadSelector !== undefined),
      ]),
    ),
);

/**
 * The policy a client in `clientNamespace` uses for a service: its own namespace's first, then the service's, then the root
 * namespace's; in each the most specific host. `chosen` are those that select the client itself: they come before others for
 * the same host. Istio: PushContext.destinationRule, SidecarScope.DestinationRule.
 */
export function findDestinationPolicy(
  policies: DestinationPolicies,
  clientNamespace: string,
  service: { readonly hostname: string; readonly namespace: string },
  rootNamespace: string,
  chosen: readonly DestinationPolicy[] = [],
): DestinationPolicy | undefined {
  const selected = mostSpecific(
    chosen.map((policy) => [policy.host, policy] as const),
    service.hostname,
  );
  const own = clientNamespace === rootNamespace ? undefined : inNamespace(policies, clientNamespace, service.hostname);
  if (selected !== undefined && (own === undefined || compareSpecificity(selected.host, own.host) <= 0))
    return selected;
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
  const seen = (list: readonly DestinationPolicy[] | undefined): DestinationPolicy | undefined =>
    list?.find(
      (policy) =>
        policy.workloadSelector === undefined && (visibleTo === undefined || isVisible(policy.exportTo, visibleTo)),
    );
  const exact = seen(group.get(hostname));
  if (exact !== undefined) return exact;
  const patterns = [...group].flatMap(([host, list]) => {
    const policy = isWildcard(host) ? seen(list) : undefined;
    return policy === undefined ? [] : [[host, policy] as const];
  });
  return mostSpecific(patterns, hostname);
}
