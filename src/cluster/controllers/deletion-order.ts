import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { isPodReady, podCondition, restartCount } from "./pod-state.ts";

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Pods in the order in which a ReplicaSet gives them up: those that serve least come first
 * (kubernetes: "ActivePodsWithRanks"; on the only node the rank by node is the same for all).
 */
export function inDeletionOrder(pods: readonly Pod[], now: number): Pod[] {
  return pods.toSorted(
    (a, b) =>
      compare(a, b, (pod) => (pod.spec?.nodeName ? 1 : 0)) ||
      compare(a, b, (pod) => phaseRank[pod.status?.phase ?? "Unknown"] ?? 1) ||
      compare(a, b, (pod) => (isPodReady(pod) ? 1 : 0)) ||
      compare(a, b, deletionCost) ||
      compare(a, b, (pod) => ageRank(podCondition(pod, "Ready")?.lastTransitionTime, now)) ||
      -compare(a, b, restartCount) ||
      compare(a, b, (pod) => ageRank(pod.metadata?.creationTimestamp, now)) ||
      compare(a, b, (pod) => pod.metadata?.uid ?? ""),
  );
}

function compare(a: Pod, b: Pod, by: (pod: Pod) => number | string): number {
  const x = by(a);
  const y = by(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata?.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0);
  return Number.isFinite(cost) ? cost : 0;
}

/** Younger is lower. By powers of two, so that pods of about the same age are equal and chance decides. */
function ageRank(time: string | undefined, now: number): number {
  const seconds = (now - Date.parse(time ?? "")) / 1000;
  return Number.isNaN(seconds) || seconds < 1 ? 0 : Math.floor(Math.log2(seconds)) + 1;
}
