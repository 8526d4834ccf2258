/** Growing waits: the n-th is between half and all of `baseMs * 2^n`, at most `maxMs`. Jitter keeps a fleet apart. */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, random: () => number = Math.random): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(ceiling * (0.5 + random() / 2));
}
