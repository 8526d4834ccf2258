import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";

/** Brings things into the state they should have, by key, one key at a time. */
export interface Reconciler {
  /** The key's state may be wrong; asking twice before it was looked at counts once. */
  ask(key: string): void;
  /** Resolves when nothing is asked for any more and nothing runs. */
  idle(): Promise<void>;
}

export interface ReconcilerOptions {
  /** Reads the state again and corrects it. When it rejects, the key is tried again later. */
  readonly reconcile: (key: string) => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Waits before a key is tried again, ms. */
  readonly retry?: { readonly first: number; readonly longest: number };
}

/** A key that fails waits on its own, longer each time; others go on. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { reconcile, signal, log, retry = { first: 200, longest: 30_000 } } = options;
  const asked = new Set<string>();
  const failures = new Map<string, number>();
  let waitingForIdle: (() => void)[] = [];
  let isRunning = false;

  async function run(): Promise<void> {
    for (const key of asked) {
      if (signal.aborted) break;
      asked.delete(key);
      try {
        await reconcile(key);
        failures.delete(key);
      } catch (error) {
        if (signal.aborted) break;
        const count = (failures.get(key) ?? 0) + 1;
        failures.set(key, count);
        if (count === 3 || count % 20 === 0) log.warn("can't bring into its wanted state", { key, count, error });
        const wait = Math.min(retry.longest, retry.first * 2 ** Math.min(count - 1, 20));
        sleep(wait * (0.8 + Math.random() * 0.4), undefined, { signal, ref: false }).then(
          () => reconciler.ask(key),
          () => {},
        );
      }
    }
    isRunning = false;
    for (const done of waitingForIdle) done();
    waitingForIdle = [];
  }

  const reconciler: Reconciler = {
    ask(key) {
      if (signal.aborted) return;
      asked.add(key);
      if (isRunning) return;
      isRunning = true;
      queueMicrotask(() => void run());
    },
    idle: () => (isRunning ? new Promise((done) => waitingForIdle.push(done)) : Promise.resolve()),
  };
  return reconciler;
}
