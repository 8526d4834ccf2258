import { type LabelSelector, matchesLabels } from "#labels/label-selector.ts";

/** Whether a Kubernetes label selector matches. An empty selector, which matches everything, counts as none. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const conditions = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0);
  return conditions > 0 && matchesLabels(selector, labels);
}
