/** Runs items one after the other, with at most `limit` of them under way at once. An item waits in the queue only once. */
export interface PushQueue<T> {
  add(item: T): void;
  /** The item isn't under way any more. */
  done(item: T): void;
  readonly waiting: number;
}

export interface PushQueueOptions<T> {
  readonly limit: number;
  /** Starts an item; true when it is under way afterwards and `done` will be called. */
  readonly run: (item: T) => boolean;
  /** Calls back soon, after what is due now: `setImmediate`. */
  readonly soon?: (callback: () => void) => void;
}

export function createPushQueue<T>(options: PushQueueOptions<T>): PushQueue<T> {
  const { limit, run, soon = setImmediate } = options;
  const waiting = new Set<T>();
  const underWay = new Set<T>();
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled || waiting.size === 0) return;
    isScheduled = true;
    soon(step);
  }

  /** One item a turn: requests of other clients come in between. */
  function step(): void {
    isScheduled = false;
    for (const item of waiting) {
      // An item that is under way already holds its place.
      if (underWay.size >= limit && !underWay.has(item)) continue;
      waiting.delete(item);
      if (run(item)) underWay.add(item);
      else underWay.delete(item);
      schedule();
      return;
    }
  }

  return {
    add(item) {
      waiting.add(item);
      schedule();
    },
    done(item) {
      if (underWay.delete(item)) schedule();
    },
    get waiting() {
      return waiting.size;
    },
  };
}
