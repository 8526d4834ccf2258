import type { ResourceCondition } from "#api/gateway-api/object.ts";

/** Why something isn't as it should be. */
export interface ConditionError {
  readonly reason: string;
  readonly message: string;
}

/** What a condition says when all is well, and the error that turns it around. */
export interface ConditionState {
  readonly reason: string;
  readonly message: string;
  /** The status without an error, `True` unless said otherwise. */
  readonly status?: "True" | "False";
  readonly error?: ConditionError | undefined;
}

/** What a set of conditions is written for. */
export interface Observation {
  readonly generation: number | undefined;
  readonly now: string;
}

/**
 * `existing` with each state noted under its type; other types stay. The time only changes with the status.
 * Istio: setConditions.
 */
export function setConditions(
  existing: readonly ResourceCondition[] | undefined,
  states: Readonly<Record<string, ConditionState>>,
  { generation, now }: Observation,
): readonly ResourceCondition[] {
  const result = [...(existing ?? [])];
  for (const type of Object.keys(states).sort()) {
    const state = states[type] as ConditionState;
    const good = state.status ?? "True";
    const status = state.error === undefined ? good : good === "True" ? "False" : "True";
    const at = result.findIndex((condition) => condition.type === type);
    const before = result[at];
    const next: ResourceCondition = {
      type,
      status,
      reason: state.error?.reason ?? state.reason,
      message: state.error?.message ?? state.message,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    if (at < 0) result.push(next);
    else result[at] = next;
  }
  return result;
}

/** Two errors told as one: the first gives the reason. */
export function joinErrors(a: ConditionError | undefined, b: ConditionError | undefined): ConditionError | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { reason: a.reason, message: `${a.message}; ${b.message}` };
}

/** `a`, `a and b`, `a, b, and c`. */
export function joinWords(words: readonly string[]): string {
  if (words.length < 3) return words.join(" and ");
  return `${words.slice(0, -1).join(", ")}, and ${words.at(-1)}`;
}
