import type { StatefulSetSpec } from "kubernetes-types/apps/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { availableIn, isPodFinished } from "./pod-state.ts";

/** What to do next for a StatefulSet. Whatever isn't listed waits. */
export interface StatefulStep {
  /** Ordinals whose pod is to be made. */
  readonly create: readonly number[];
  readonly remove: readonly Pod[];
}

const nothing: StatefulStep = { create: [], remove: [] };

/**
 * The next step by Kubernetes' rules: pods come up in order and go down in the reverse one, each waiting for its predecessor
 * (`Parallel` doesn't wait); with all there, pods of an older revision are replaced from the highest ordinal down to the
 * partition, one at a time.
 */
export function statefulStep(
  spec: StatefulSetSpec,
  pods: ReadonlyMap<number, Pod>,
  isUpdated: (pod: Pod) => boolean,
  now: number,
): StatefulStep {
  const first = spec.ordinals?.start ?? 0;
  const wanted = Array.from({ length: spec.replicas ?? 1 }, (_, i) => first + i);
  const parallel = spec.podManagementPolicy === "Parallel";
  const isAvailable = (pod: Pod | undefined): boolean =>
    pod !== undefined &&
    pod.metadata?.deletionTimestamp === undefined &&
    availableIn(pod, spec.minReadySeconds ?? 0, now) === 0;
  const isLeaving = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;

  const create: number[] = [];
  const remove: Pod[] = [];
  for (const ordinal of wanted) {
    const pod = pods.get(ordinal);
    if (!pod) create.push(ordinal);
    else if (isPodFinished(pod) && !isLeaving(pod)) remove.push(pod);
    if (!parallel && !isAvailable(pod)) return { create, remove };
  }

  const condemned = [...pods.keys()].filter((ordinal) => !wanted.includes(ordinal)).sort((a, b) => b - a);
  for (const ordinal of condemned) {
    const pod = pods.get(ordinal);
    if (!pod) continue;
    if (!isLeaving(pod)) remove.push(pod);
    if (!parallel) return { create, remove };
  }
  if (create.length + remove.length > 0) return { create, remove };
  if (spec.updateStrategy?.type === "OnDelete") return nothing;

  const partition = first + (spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (const ordinal of wanted.toReversed()) {
    if (ordinal < partition) break;
    const pod = pods.get(ordinal);
    if (pod && !isUpdated(pod) && !isLeaving(pod)) return { create, remove: [pod] };
    if (!isAvailable(pod)) return nothing;
  }
  return nothing;
}
