/** What a run of results has come to. */
export interface ProbeState {
  readonly result: "unknown" | "success" | "failure";
  /** The same outcome in a row. */
  readonly streak: number;
  readonly lastOk: boolean | undefined;
}

export interface Thresholds {
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export const noResult: ProbeState = { result: "unknown", streak: 0, lastOk: undefined };

/** One more result: the state turns once as many in a row as the threshold says agree. */
export function afterResult(state: ProbeState, isOk: boolean, thresholds: Thresholds): ProbeState {
  const streak = state.lastOk === isOk ? state.streak + 1 : 1;
  const needed = isOk ? thresholds.successThreshold : thresholds.failureThreshold;
  const turned = isOk ? "success" : "failure";
  return { result: streak >= needed ? turned : state.result, streak, lastOk: isOk };
}
