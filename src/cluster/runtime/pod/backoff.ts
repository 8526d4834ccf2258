/** How long a thing that failed waits before it is tried again: doubling, and forgotten after a long quiet time. */
export interface Backoff {
  /** The wait (ms) that follows the next failure. */
  readonly delay: number;
  /** When the last try began (ms since the epoch). */
  readonly since: number;
}

/** Kubelet: `MaxContainerBackOff` and `backOffPeriod`; a back-off is forgotten after twice its longest (ms). */
const first = 10_000;
const longest = 300_000;
const forgottenAfter = 2 * longest;

/** When a container that ended at `finishedAt` may start again: the first time at once. */
export function retryAt(backoff: Backoff | undefined, finishedAt: number): number {
  if (backoff === undefined || finishedAt - backoff.since > forgottenAfter) return finishedAt;
  return finishedAt + backoff.delay;
}

/** The state after another try at `now`. */
export function afterTry(backoff: Backoff | undefined, now: number): Backoff {
  if (backoff === undefined || now - backoff.since > forgottenAfter + backoff.delay)
    return { delay: first, since: now };
  return { delay: Math.min(longest, backoff.delay * 2), since: now };
}
