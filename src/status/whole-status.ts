import type { Condition, StatusProblem } from "./condition.ts";
import { withAccepted } from "./condition.ts";

interface WithConditions {
  readonly controllerName?: string;
  readonly conditions?: readonly Condition[];
}

/** The parts of statuses of the Gateway API that conditions stand in. */
interface WholeStatus extends WithConditions {
  readonly parents?: readonly WithConditions[];
  readonly ancestors?: readonly WithConditions[];
}

/**
 * A status of the Gateway API with `problem`, or its absence, noted: with each parent of a route and each ancestor of a policy that
 * the controllers of that prefix answer for, or else of the whole resource.
 */
export function withProblem(
  status: WholeStatus,
  problem: StatusProblem | undefined,
  observed: { readonly generation: number | undefined; readonly now: Date; readonly controllers: string },
): WholeStatus {
  const { generation, now, controllers } = observed;
  const noted = <T extends WithConditions>(one: T): T => {
    const conditions = withAccepted(one.conditions ?? [], problem, generation, now);
    return conditions === undefined ? one : { ...one, conditions };
  };
  const own = <T extends WithConditions>(one: T): T => (one.controllerName?.startsWith(controllers) ? noted(one) : one);
  if (status.parents) return { ...status, parents: status.parents.map(own) };
  if (status.ancestors) return { ...status, ancestors: status.ancestors.map(own) };
  return noted(status);
}
