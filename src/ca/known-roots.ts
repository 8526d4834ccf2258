import { X509Certificate } from "node:crypto";

/** A root certificate that workloads believe. Times are ms since the epoch. */
export interface KnownRoot {
  readonly pem: string;
  /** Since when it is told to them. */
  readonly since: number;
  /** Set once the authority has others: until when something that it signed may be in use. */
  readonly until?: number;
}

/** More roots at a time are a mistake; the oldest ones go. */
const maxFormer = 20;

/**
 * The roots to tell, after the authority's own are `current`: these, and former ones for `retentionMs` more, but not past their own
 * end. The first roots ever count as told for long, as nobody believes others. `known` itself when nothing changes.
 */
export function rememberRoots(
  known: readonly KnownRoot[],
  current: readonly string[],
  now: number,
  retentionMs: number,
): readonly KnownRoot[] {
  const own = [...new Set(current)];
  const roots = own.map((pem): KnownRoot => {
    const before = known.find((root) => root.pem === pem);
    if (before === undefined) return { pem, since: known.length === 0 ? 0 : now };
    return before.until === undefined ? before : { pem, since: before.since };
  });
  const former = known
    .filter(({ pem }) => !own.includes(pem) && endOf(pem) > now)
    .map((root): KnownRoot => {
      const { until = Number.POSITIVE_INFINITY } = root;
      return until > now + retentionMs ? { ...root, until: now + retentionMs } : root;
    })
    .filter(({ until = 0 }) => until > now)
    .slice(-maxFormer);
  const next = [...former, ...roots];
  return next.length === known.length && next.every((root, index) => root === known[index]) ? known : next;
}

function endOf(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo);
}

/** Reads what {@link writeKnownRoots} wrote. Throws for anything else. */
export function readKnownRoots(text: string): readonly KnownRoot[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error("it isn't a list");
  return list.map((entry: Partial<KnownRoot>) => {
    const { pem, since, until } = entry;
    if (typeof pem !== "string" || typeof since !== "number") throw new Error("an entry has no pem or no since");
    if (Number.isNaN(endOf(pem))) throw new Error("an entry has no end");
    return { pem, since, ...(typeof until === "number" ? { until } : {}) };
  });
}

export function writeKnownRoots(known: readonly KnownRoot[]): string {
  return JSON.stringify(known, null, 1);
}
