import type { Pod } from "kubernetes-types/core/v1.d.ts";

/** The name of what a pod belongs to: its Deployment where a ReplicaSet's name ends in the pod's template hash. */
export function workloadName(pod: Pod): string {
  const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller) ?? undefined;
  if (owner === undefined) return pod.metadata?.name ?? "";
  const hash = pod.metadata?.labels?.["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  return owner.name;
}
