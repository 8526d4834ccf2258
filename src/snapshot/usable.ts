import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { EnvoyFilter } from "#api/istio/envoy-filter.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { ProxyConfigResource } from "#api/istio/proxy-config.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { WorkloadGroup } from "#api/istio/workload-group.ts";
import type { Verdict } from "#config/field-error.ts";
import { istioKinds, kindNamed } from "#config/kinds.ts";
import { checkSchema } from "#config/schema/check.ts";
import type { JsonSchema } from "#config/schema/json-schema.ts";
import { withoutNulls } from "#config/without-nulls.ts";
import { memo } from "#model/memo.ts";
import { byAge } from "./config-order.ts";
import type { Objects } from "./input.ts";
import type { Problem } from "./problem.ts";

/** The configuration that is used, by key: of a resource that can't be used any more, its last good version. */
export interface InEffect {
  readonly virtualServices: Objects<VirtualService>;
  readonly destinationRules: Objects<DestinationRule>;
  readonly gateways: Objects<Gateway>;
  readonly serviceEntries: Objects<ServiceEntry>;
  readonly sidecars: Objects<Sidecar>;
  readonly workloadEntries: Objects<WorkloadEntry>;
  readonly workloadGroups: Objects<WorkloadGroup>;
  readonly envoyFilters: Objects<EnvoyFilter>;
  readonly proxyConfigs: Objects<ProxyConfigResource>;
  readonly requestAuthentications: Objects<RequestAuthentication>;
  readonly authorizationPolicies: Objects<AuthorizationPolicy>;
  readonly peerAuthentications: Objects<PeerAuthentication>;
}

/** Verdicts by kind: each object is checked once, as long as it lives. */
const verdicts: ReadonlyMap<string, (object: IstioObject) => Verdict> = new Map(
  istioKinds.map(({ kind, validate }) => [kind, memo((object: IstioObject) => validate(object))]),
);

/**
 * Schemas of kinds that forbid. What forbids must not be left out for a mistake in it, as long as its fields have the types that the
 * API server sees to without a webhook: the parts that can't be said let nobody in.
 */
const forbidding: ReadonlyMap<string, JsonSchema | undefined> = new Map(
  ["AuthorizationPolicy"].map((kind) => [kind, kindNamed(kind)?.schema.properties?.["spec"]]),
);

const pruned = memo((object: IstioObject) => withoutNulls(object));

/**
 * The objects to use, oldest first. One that fails validation (it slipped past the webhook) must not break the others, nor take
 * down what it said before: its last good version stays in effect, and `problems` says so. Without one it is left out,
 * unless it is of a kind that forbids.
 */
export function usable<T extends IstioObject>(
  kind: string,
  objects: Objects<T>,
  last: Objects<T> | undefined,
  problems: Problem[],
): Objects<T> {
  // Objects in lists may come without their kind, so it is told.
  const verdictOf = verdicts.get(kind);
  const used: [string, T][] = [];
  for (const [key, object] of objects) {
    const errors = verdictOf?.(object).errors ?? [];
    const isGood = errors.length === 0;
    const good = isGood ? (pruned(object) as T) : (lastGood(key, object, last) ?? forbiddingAtLeast(kind, object));
    if (good !== undefined) used.push([key, good]);
    for (const { field, message } of errors) problems.push({ resource: `${kind} ${key}`, field, message });
  }
  return new Map(used.sort(([, a], [, b]) => byAge(a, b)));
}

function forbiddingAtLeast<T extends IstioObject>(kind: string, object: T): T | undefined {
  const schema = forbidding.get(kind);
  return schema && checkSchema(schema, object.spec, "spec").length === 0 ? (pruned(object) as T) : undefined;
}

/** Of the same resource, not of one that had its name before. */
function lastGood<T extends IstioObject>(key: string, object: T, last: Objects<T> | undefined): T | undefined {
  const before = last?.get(key);
  return before?.metadata.uid === object.metadata.uid ? before : undefined;
}
