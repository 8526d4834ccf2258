import type { IstioObject } from "#api/istio/object.ts";
import type { PolicyAttachment, PolicyTargetReference } from "#api/istio/policy-attachment.ts";
import { type Labels, selects } from "#model/labels.ts";
import { keepList, keepMap, memo, sameList } from "#model/memo.ts";
import type { Proxy } from "#model/proxy.ts";
import { type Attachment, selectsAll } from "./attachment.ts";
import type { Objects } from "./input.ts";

/** Oldest first. A list stays the same as long as nothing in its namespace changes. */
export type PoliciesByNamespace<T> = ReadonlyMap<string, readonly T[]>;

type Policy = IstioObject<PolicyAttachment>;

/** What policies look at of a workload. */
interface PolicyWorkload extends Partial<Attachment> {
  readonly namespace: string;
  readonly labels: Labels;
}

export function byNamespace<T extends Policy>(
  previous: PoliciesByNamespace<T> | undefined,
  policies: Objects<T>,
): PoliciesByNamespace<T> {
  const groups = Map.groupBy(policies.values(), ({ metadata }) => metadata.namespace ?? "");
  const kept = [...groups].map(([namespace, list]) => [namespace, keepList(previous?.get(namespace), list)] as const);
  return keepMap(previous, new Map(kept));
}

/**
 * The policies for a proxy's workload, of each of `namespaces` in this order. The same list as long as they are the same policies, also
 * for other workloads. Istio: WorkloadPolicyMatcher.
 */
export function policiesFor<T extends Policy>(
  policies: PoliciesByNamespace<T>,
  namespaces: readonly string[],
  proxy: Pick<Proxy, "namespace">,
  labels: Labels,
  attachment: Attachment = selectsAll,
): readonly T[] {
  const found = namespaces.flatMap((name) => {
    const group = policies.get(name);
    return group === undefined ? [] : attached(group, proxy, labels, attachment);
  });
  return sameList(found as T[]);
}

/** Asked for again with each snapshot, most of which change none of these. */
const attached = memo(
  (policies: readonly Policy[], { namespace }: Pick<Proxy, "namespace">, labels: Labels, attachment: Attachment) => {
    const workload = { namespace, labels, ...attachment };
    return policies.filter(({ metadata, spec }) =>
      isAttached(metadata.namespace ?? "", targetsOf(spec), spec.selector?.matchLabels, workload),
    );
  },
);

/** What a policy names as its targets, also in the old form. */
export function targetsOf({ targetRef, targetRefs = [] }: PolicyAttachment): readonly PolicyTargetReference[] {
  return targetRefs.length === 0 && targetRef !== undefined ? [targetRef] : targetRefs;
}

/**
 * Whether a policy of `policyNamespace` is attached to the workload: one that names targets to the proxies of these Gateways of the
 * Gateway API, in its own namespace alone; any other to what has the labels. Other targets are for waypoints, which there are none of.
 */
export function isAttached(
  policyNamespace: string,
  targets: readonly PolicyTargetReference[],
  selector: Labels | undefined,
  { namespace, labels, selectsGateways = true }: PolicyWorkload,
): boolean {
  const gateway = labels["gateway.networking.k8s.io/gateway-name"];
  if (targets.length === 0) return (selectsGateways || gateway === undefined) && selects(selector, labels);
  if (gateway === undefined || namespace !== policyNamespace) return false;
  return targets.some(
    ({ group, kind, name, namespace: other = "" }) =>
      group === "gateway.networking.k8s.io" &&
      kind === "Gateway" &&
      name === gateway &&
      (other === "" || other === policyNamespace),
  );
}
