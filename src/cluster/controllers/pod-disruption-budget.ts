import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "kubernetes-types/policy/v1.d.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ClusterState } from "./cluster-state.ts";
import { timestamp } from "./conditions.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { controllerOf, selectorMatches } from "./owners.ts";
import { isPodActive, isPodReady } from "./pod-state.ts";
import { resolve } from "./rolling-update.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** Says in each PodDisruptionBudget's status how many of its pods may be evicted. */
export function runPodDisruptionBudgets(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { podDisruptionBudgets, pods } = state;
  const queue = createWorkQueue({ name: "disruption", log, reconcile });

  async function reconcile(key: string): Promise<void> {
    const budget = podDisruptionBudgets.get(key);
    if (!budget || budget.metadata?.deletionTimestamp) return;
    const selected = [...pods.values()].filter((pod) => covers(budget, pod) && isPodActive(pod));
    const status = budgetStatus(budget, selected, expectedPods(state, budget, selected), Date.now());
    await writeStatus(client, resourceTypes.podDisruptionBudgets, podDisruptionBudgets, budget, status);
  }

  podDisruptionBudgets.onChange(({ key }) => queue.add(key));
  pods.onChange(({ before, after }) => {
    for (const budget of podDisruptionBudgets.values())
      if ((before && covers(budget, before)) || (after && covers(budget, after))) queue.add(objectKey(budget));
  });
  return queue;
}

function covers(budget: PodDisruptionBudget, { metadata }: Pod): boolean {
  return metadata?.namespace === budget.metadata?.namespace && selectorMatches(budget.spec?.selector, metadata?.labels);
}

/** With `minAvailable` as a number: the pods there are; else what their controllers ask for. */
function expectedPods(state: ClusterState, { spec }: PodDisruptionBudget, selected: readonly Pod[]): number {
  if (typeof spec?.minAvailable === "number") return selected.length;
  const sizes = new Map<string, number>();
  for (const pod of selected) {
    const owner = controllerOf(pod);
    const key = `${pod.metadata?.namespace}/${owner?.name}`;
    const set =
      owner?.kind === "ReplicaSet"
        ? state.replicaSets.get(key)
        : owner?.kind === "StatefulSet"
          ? state.statefulSets.get(key)
          : undefined;
    sizes.set(owner?.uid ?? pod.metadata?.uid ?? "", set?.spec?.replicas ?? 1);
  }
  return [...sizes.values()].reduce((total, size) => total + size, 0);
}

function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  expectedPods: number,
  now: number,
): PodDisruptionBudgetStatus {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const desiredHealthy =
    maxUnavailable === undefined
      ? resolve(minAvailable ?? 0, expectedPods, Math.ceil)
      : Math.max(0, expectedPods - resolve(maxUnavailable, expectedPods, Math.ceil));
  const currentHealthy = pods.filter(isPodReady).length;
  const disruptionsAllowed = Math.max(0, expectedPods === 0 ? 0 : currentHealthy - desiredHealthy);
  const generation = budget.metadata?.generation ?? 0;
  const allowed = disruptionsAllowed > 0;
  const status = allowed ? "True" : "False";
  const reason = allowed ? "SufficientPods" : "InsufficientPods";
  const before = budget.status?.conditions?.find(({ type }) => type === "DisruptionAllowed");
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(now);
  const condition = {
    type: "DisruptionAllowed",
    status,
    reason,
    message: "",
    observedGeneration: generation,
    lastTransitionTime,
  };
  const others = (budget.status?.conditions ?? []).filter(({ type }) => type !== "DisruptionAllowed");
  return {
    observedGeneration: generation,
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: [...others, condition],
  };
}
