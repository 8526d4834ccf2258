import type { Surroundings } from "./run.ts";

/** Checks of the tests that are only described, by their names. */
export const scripted: Readonly<Record<string, (surroundings: Surroundings) => Promise<void>>> = {};
