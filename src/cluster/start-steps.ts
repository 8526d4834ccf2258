import type { StartStep } from "./control.ts";

/** The steps of a start with how long each took; `weft up` shows them while they happen. */
export interface StartSteps {
  readonly list: readonly StartStep[];
  /** Runs `work` as the next step. A failure says which step it was. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function createStartSteps(): StartSteps {
  const list: StartStep[] = [];
  return {
    list,
    async run(name, work) {
      const started = performance.now();
      const at = list.push({ name }) - 1;
      try {
        return await work();
      } catch (cause) {
        throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      } finally {
        list[at] = { name, milliseconds: performance.now() - started };
      }
    },
  };
}
