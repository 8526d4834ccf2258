import { holds, type Requirement } from "./requirement.ts";

type Labels = Readonly<Record<string, string>>;

/** A Kubernetes label selector. */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly (Requirement & { readonly key: string })[];
}

/** Those of a selector; node affinities have more. */
export const selectorOperators: readonly string[] = ["In", "NotIn", "Exists", "DoesNotExist"];

/** Whether a selector takes in what has these labels; an empty one takes everything. An operator that there isn't takes nothing. */
export function matchesLabels(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Labels = {},
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every(
      (requirement) =>
        selectorOperators.includes(requirement.operator) && holds(requirement, labelOf(labels, requirement.key)),
    )
  );
}

/** The label's value; undefined for what labels have as any object does. */
export function labelOf(labels: Labels | undefined, key: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}
