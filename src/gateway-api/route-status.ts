import type { ParentReference, Route, RouteParentStatus, RouteStatus } from "#api/gateway-api/route.ts";
import { type ConditionError, setConditions } from "./conditions.ts";
import { gatewayController } from "./gateway-class.ts";
import type { RouteParent } from "./parents.ts";

/** What came of a route at one parent. */
export interface ParentResult {
  readonly parent: RouteParent;
  /** What is wrong with the route's rules there. */
  readonly error?: ConditionError | undefined;
}

/** Reasons for not being attached, from the one to tell first: about the best listener, not about those that weren't meant. */
const ranking = ["", "NotAllowedByListeners", "NoMatchingListenerHostname", "ParentRefConflict", "NoMatchingParent"];

/** The status of a route. Entries of other controllers stay as they are, our stale ones go. Istio: CreateRouteStatus. */
export function routeStatus(route: Route, results: readonly ParentResult[], now: string): RouteStatus {
  const namespace = route.metadata.namespace ?? "";
  const byReference = new Map<string, ParentResult[]>();
  for (const result of results) {
    const key = referenceKey(result.parent.reference, namespace);
    const group = byReference.get(key) ?? [];
    byReference.set(key, group);
    group.push(result);
  }
  const before = route.status?.parents ?? [];
  const kept: RouteParentStatus[] = [];
  const seen = new Set<string>();
  const entryFor = (group: readonly ParentResult[], old: RouteParentStatus | undefined) =>
    parentStatus(group, old, { generation: route.metadata.generation, now });
  for (const entry of before) {
    if (entry.controllerName !== gatewayController) {
      kept.push(entry);
      continue;
    }
    const key = referenceKey(entry.parentRef, namespace);
    const group = byReference.get(key);
    if (group === undefined || seen.has(key)) continue;
    seen.add(key);
    kept.push(entryFor(group, entry));
  }
  const added = [...byReference]
    .filter(([key]) => !seen.has(key))
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([, group]) => entryFor(group, undefined));
  return { parents: [...kept, ...added] };
}

function parentStatus(
  results: readonly ParentResult[],
  before: RouteParentStatus | undefined,
  observation: Parameters<typeof setConditions>[2],
): RouteParentStatus {
  const rank = ({ parent }: ParentResult): number => ranking.indexOf(parent.denied?.reason ?? "");
  const best = Math.min(...results.map(rank));
  const told = results.filter((result) => rank(result) === best);
  const attached = results.filter(({ parent }) => parent.denied === undefined).length;
  const [first] = told;
  const denied = first?.parent.denied && {
    reason: first.parent.denied.reason,
    message: [...new Set(told.map(({ parent }) => parent.denied?.message))].join("; "),
  };
  const states = {
    Accepted: {
      reason: "Accepted",
      message: attached > 1 ? `Route was valid, bound to ${attached} parents` : "Route was valid",
      error: denied,
    },
    ResolvedRefs: { reason: "ResolvedRefs", message: "All references resolved", error: first?.error },
  };
  return {
    parentRef: first?.parent.reference ?? ({} as ParentReference),
    controllerName: gatewayController,
    conditions: setConditions(before?.conditions, states, observation),
  };
}

function referenceKey(reference: ParentReference, own: string): string {
  const { group = "gateway.networking.k8s.io", kind = "Gateway", name, namespace = own } = reference;
  return `${group}/${kind}/${name}/${reference.sectionName ?? ""}/${reference.port ?? 0}.${namespace}`;
}
