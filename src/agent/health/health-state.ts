/** How a workload is, as consecutive checks say. */
export interface HealthState {
  /** Takes in a check: `problem` says in words what failed. True when the workload turned well or unwell by it. */
  take(problem: string | undefined): boolean;
  /** Undefined while nothing is known: nothing is told before the first success. */
  readonly told: { readonly problem: string | undefined } | undefined;
}

/** Istio: WorkloadHealthChecker. A workload is unwell until so many checks in a row succeed, and then until so many fail. */
export function createHealthState(thresholds: { readonly success: number; readonly failure: number }): HealthState {
  let told: { readonly problem: string | undefined } | undefined;
  let isWell = false;
  /** Checks in a row that say otherwise. */
  let against = 0;
  return {
    take(problem) {
      if ((problem === undefined) === isWell) {
        against = 0;
        return false;
      }
      against += 1;
      if (against < (isWell ? thresholds.failure : thresholds.success)) return false;
      against = 0;
      isWell = !isWell;
      told = { problem };
      return true;
    },
    get told() {
      return told;
    },
  };
}
