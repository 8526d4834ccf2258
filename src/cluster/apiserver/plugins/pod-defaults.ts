import type { Pod, Toleration } from "kubernetes-types/core/v1.d.ts";
import { forbidden } from "../api-error.ts";
import type { Core } from "../core.ts";
import type { Obj } from "../object.ts";

const builtinPriorities: Record<string, number> = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
};

/** Kubernetes' Priority and DefaultTolerationSeconds admission. */
export function addPodDefaults(core: Core, draft: Obj): void {
  const pod = draft as unknown as Pod;
  const { spec } = pod;
  if (!spec) return;
  const taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
  const tolerates = (taint: string, { key, effect }: Toleration) =>
    (key === undefined || key === "" || key === taint) &&
    (effect === undefined || effect === "" || effect === "NoExecute");
  for (const key of taints)
    if (!spec.tolerations?.some((toleration) => tolerates(key, toleration)))
      spec.tolerations = [
        ...(spec.tolerations ?? []),
        { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      ];

  if (spec.priorityClassName) {
    const known = core.store.get("priorityclasses.scheduling.k8s.io", "", spec.priorityClassName);
    const value = (known?.["value"] as number | undefined) ?? builtinPriorities[spec.priorityClassName];
    if (value === undefined)
      throw forbidden(
        { group: "", plural: "pods" },
        pod.metadata?.name ?? "",
        `no PriorityClass with name ${spec.priorityClassName} was found`,
      );
    spec.priority = value;
  }
  spec.priority ??= 0;
  spec.preemptionPolicy ||= "PreemptLowerPriority";
}
