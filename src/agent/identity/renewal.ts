import { setTimeout as sleep } from "node:timers/promises";

/** A timer is set for at most so long (ms): a machine that slept, or whose clock was set, then notices soon. */
const longestTimer = 60_000;
/** A CA that gives certificates which have all but ended isn't asked more often than this, ms. */
const leastDelay = 1000;

/**
 * When a certificate is renewed, ms since the epoch: when `graceRatio` of its life is left, give or take `jitter` of its life so that a
 * fleet that started at once doesn't ask at once. Istio: rotateTime.
 */
export function renewalTime(
  { receivedAt, endsAt }: { readonly receivedAt: number; readonly endsAt: number },
  { graceRatio, graceJitter }: { readonly graceRatio: number; readonly graceJitter: number },
  random: () => number = Math.random,
): number {
  const ratio = Math.min(1, Math.max(0, graceRatio + graceJitter * (2 * random() - 1)));
  return Math.max(receivedAt + leastDelay, endsAt - ratio * (endsAt - receivedAt));
}

/** Resolves at that time of the clock, or when the signal aborts. */
export async function waitUntil(time: number, signal: AbortSignal): Promise<void> {
  for (let left = time - Date.now(); left > 0 && !signal.aborted; left = time - Date.now())
    await sleep(Math.min(left, longestTimer), undefined, { signal, ref: false }).catch(() => undefined);
}
