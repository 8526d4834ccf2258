import type { Node, NodeSelectorTerm, Pod, Taint } from "kubernetes-types/core/v1.d.ts";
import { labelOf } from "#labels/label-selector.ts";
import { holds } from "#labels/requirement.ts";

/**
 * Why the pod can't run on the node, in the words `kubectl describe pod` users know; undefined when it can.
 * Looked at: gates, cordon, node selector, required node affinity, taints. Resources are not counted: on one machine
 * a pod that doesn't fit is for the user to see, not to wait for another node.
 */
export function whyNot(pod: Pod, node: Node | undefined): string | undefined {
  if ((pod.spec?.schedulingGates ?? []).length > 0) return "Scheduling is blocked due to non-empty scheduling gates";
  if (!node) return "no nodes available to schedule pods";
  const why = (text: string): string => `0/1 nodes are available: 1 ${text}.`;
  const tolerated = (taint: Taint): boolean => tolerates(pod, taint);
  if (node.spec?.unschedulable && !tolerated({ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }))
    return why("node(s) were unschedulable");
  const taint = (node.spec?.taints ?? []).find(
    (taint) => (taint.effect === "NoSchedule" || taint.effect === "NoExecute") && !tolerated(taint),
  );
  if (taint) return why(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
  if (!matchesNodeRequirements(pod, node)) return why("node(s) didn't match Pod's node affinity/selector");
  return undefined;
}

/** Node selector and required node affinity. */
function matchesNodeRequirements(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  for (const [name, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[name] !== value) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => termHolds(term, node));
}

function termHolds({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  return (
    matchExpressions.every((requirement) => holds(requirement, labelOf(labels, requirement.key))) &&
    matchFields.every((requirement) => requirement.key === "metadata.name" && holds(requirement, node.metadata?.name))
  );
}

function tolerates(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some(
    ({ key, operator = "Equal", value = "", effect }) =>
      (!effect || effect === taint.effect) &&
      (key ? key === taint.key : operator === "Exists") &&
      (operator === "Exists" || value === (taint.value ?? "")),
  );
}
