import type { DestinationRule } from "#api/istio/destination-rule.ts";
import { type Labels, selects } from "#model/labels.ts";

/** Names of the subsets of a DestinationRule that the pods belong to, and of the others. */
export interface Subsets {
  readonly matching: readonly string[];
  readonly others: readonly string[];
}

export function subsetsOf(rule: DestinationRule | undefined, pods: readonly Labels[]): Subsets {
  const subsets = rule?.spec.subsets ?? [];
  const takes = ({ labels }: (typeof subsets)[number]): boolean => pods.some((pod) => selects(labels, pod));
  return {
    matching: subsets.filter(takes).map(({ name }) => name),
    others: subsets.filter((subset) => !takes(subset)).map(({ name }) => name),
  };
}
