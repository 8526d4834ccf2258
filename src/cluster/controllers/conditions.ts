interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

/** RFC 3339 with seconds, as Kubernetes writes times. */
export function timestamp(now: number = Date.now()): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
}

/**
 * The conditions with this one set. Nothing changes where status and reason are the same already; the time of transition
 * changes only with the status.
 */
export function withCondition<T extends Condition>(
  conditions: readonly T[] | undefined,
  next: T,
  options: { readonly now: number; readonly updateTime?: boolean; readonly compareMessage?: boolean },
): T[] {
  const before = conditions ?? [];
  const old = before.find(({ type }) => type === next.type);
  const sameMessage = !options.compareMessage || old?.message === next.message;
  if (old && old.status === next.status && old.reason === next.reason && sameMessage) return [...before];
  const time = timestamp(options.now);
  const lastTransitionTime = old?.status === next.status ? (old.lastTransitionTime ?? time) : time;
  const made: T = { ...next, lastTransitionTime, ...(options.updateTime ? { lastUpdateTime: time } : {}) };
  return [...before.filter(({ type }) => type !== next.type), made];
}

export function withoutCondition<T extends Condition>(conditions: readonly T[] | undefined, type: string): T[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
