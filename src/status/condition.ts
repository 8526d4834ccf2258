/** One entry of `status.conditions`, as Istio's resources have them. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
  readonly lastProbeTime?: string;
}

/** Weft's condition: whether the resource is in effect as it stands. It is written only once there was a problem. */
export const acceptedType = "weft.dev/Accepted";

/** What keeps a resource from being in effect. */
export interface StatusProblem {
  /**
   * `Rejected`: a proxy refused what was made from it. `Invalid`: istiod can't use it. `Conflict`: an older resource has its
   * place. `NotFound`: what it refers to isn't there. `Unreachable`: what it refers to, outside of the cluster's API, doesn't answer.
   */
  readonly reason: "Rejected" | "Invalid" | "Conflict" | "NotFound" | "Unreachable";
  readonly message: string;
}

/**
 * The conditions after `problem` (or its absence) is noted; undefined when nothing has to be written. Others' conditions stay
 * as they are.
 */
export function withAccepted(
  conditions: readonly Condition[],
  problem: StatusProblem | undefined,
  observedGeneration: number | undefined,
  now: Date,
): readonly Condition[] | undefined {
  const current = conditions.find(({ type }) => type === acceptedType);
  if (!problem && (!current || current.status === "True")) return undefined;
  const status = problem ? "False" : "True";
  const reason = problem?.reason ?? "Accepted";
  const message = problem?.message ?? "in effect";
  const isSame =
    current?.status === status &&
    current.reason === reason &&
    current.message === message &&
    current.observedGeneration === observedGeneration;
  if (isSame) return undefined;
  const next: Condition = {
    type: acceptedType,
    status,
    reason,
    message,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime:
      current?.status === status && current.lastTransitionTime ? current.lastTransitionTime : seconds(now),
  };
  return [...conditions.filter(({ type }) => type !== acceptedType), next];
}

/** RFC 3339 without fractions, as Kubernetes writes times. */
function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
