import { isKubeError } from "#kube/error.ts";
import type { Log } from "#log/log.ts";

/** Keys to be reconciled: each at most once at a time, none forgotten. */
export interface WorkQueue {
  add(key: string): void;
  /** After `ms`; an earlier appointment of the same key is kept, a later one replaced. */
  addAfter(key: string, ms: number): void;
  /** Resolves when what is running has ended. Nothing starts any more. */
  stop(): Promise<void>;
}

export interface WorkQueueOptions {
  readonly name: string;
  readonly log: Log;
  /** Brings the world nearer to what `key` asks for; a number asks to be called again after so many ms. */
  readonly reconcile: (key: string) => Promise<number | void>;
  /** How many keys may be worked on at once. */
  readonly concurrency?: number;
  /** Waits after failures of one key, ms: doubling from the first to the longest. */
  readonly backOff?: { readonly first: number; readonly longest: number };
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { name, reconcile, concurrency = 8, backOff = { first: 10, longest: 5_000 } } = options;
  const log = options.log.with({ controller: name });
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const appointments = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  let stopped = false;

  function add(key: string): void {
    if (stopped) return;
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    pump();
  }

  function addAfter(key: string, ms: number): void {
    if (stopped) return;
    const at = Date.now() + ms;
    const made = appointments.get(key);
    if (made && made.at <= at) return;
    clearTimeout(made?.timer);
    const timer = setTimeout(
      () => {
        appointments.delete(key);
        add(key);
      },
      Math.min(ms, 2 ** 31 - 1),
    );
    appointments.set(key, { at, timer });
  }

  function pump(): void {
    for (const key of waiting) {
      if (running.size >= concurrency) return;
      waiting.delete(key);
      running.set(key, work(key));
    }
  }

  async function work(key: string): Promise<void> {
    // Leave the listener's call stack, so that a burst of changes is one piece of work.
    await Promise.resolve();
    try {
      const after = await reconcile(key);
      failures.delete(key);
      if (after !== undefined) addAfter(key, after);
    } catch (error) {
      retry(key, error);
    } finally {
      running.delete(key);
      if (again.delete(key)) waiting.add(key);
      if (!stopped) pump();
    }
  }

  function retry(key: string, error: unknown): void {
    if (stopped) return;
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    const ms = Math.min(backOff.longest, backOff.first * 2 ** Math.min(count - 1, 20));
    // Working from a copy that lags a little is normal: the next look has the newer one.
    if (isKubeError(error, "Conflict")) log.debug("conflict; trying again", { key, ms });
    else log.warn("failed; trying again", { key, failures: count, ms, error });
    addAfter(key, ms);
  }

  return {
    add,
    addAfter,
    async stop() {
      stopped = true;
      waiting.clear();
      again.clear();
      for (const { timer } of appointments.values()) clearTimeout(timer);
      appointments.clear();
      await Promise.all(running.values());
    },
  };
}
