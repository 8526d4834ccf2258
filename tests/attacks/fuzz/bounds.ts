import type { Parameters } from "fast-check";

/** `WEFT_SEED` tries others. */
export const seed: number = Number(process.env["WEFT_SEED"] ?? 5);

/** The same inputs on every run, and an end after 10 s; a failure names its seed and the smallest input that was found. */
export function bounded<T>(numRuns: number): Parameters<T> {
  return { seed, numRuns, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false };
}
