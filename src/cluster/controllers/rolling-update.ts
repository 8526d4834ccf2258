import type { DeploymentSpec } from "kubernetes-types/apps/v1.d.ts";

/** What a rollout needs to know of one ReplicaSet. */
export interface RolloutSet {
  readonly name: string;
  /** `spec.replicas` */
  readonly replicas: number;
  readonly availableReplicas: number;
  /** ms since the epoch */
  readonly created: number;
  /** `deployment.kubernetes.io/max-replicas`: the size of the whole rollout when this set was last scaled. */
  readonly maxReplicas?: number;
}

export interface RolloutLimits {
  /** Pods above the desired number. */
  readonly surge: number;
  /** Pods that may be missing from the desired number. */
  readonly unavailable: number;
}

/** ReplicaSet name → its new `spec.replicas`; only those that change. */
export type ScaleStep = ReadonlyMap<string, number>;

/** Percentages of the desired number: the surge is rounded up, what may be unavailable down; never both zero. */
export function rolloutLimits(spec: Pick<DeploymentSpec, "replicas" | "strategy">): RolloutLimits {
  if (spec.strategy?.type === "Recreate") return { surge: 0, unavailable: 0 };
  const desired = spec.replicas ?? 1;
  const { maxSurge = "25%", maxUnavailable = "25%" } = spec.strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, desired, Math.ceil);
  const unavailable = Math.min(desired, resolve(maxUnavailable, desired, Math.floor));
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/** An absolute number or a percentage of `total`. */
export function resolve(value: number | string, total: number, round: (x: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  return percent === undefined ? Number(value) || 0 : round((Number(percent) * total) / 100);
}

/** The next step of a rolling update: first the new set grows as far as the surge lets it, else the old ones shrink. */
export function rollingUpdateStep(
  desired: number,
  limits: RolloutLimits,
  next: RolloutSet,
  old: readonly RolloutSet[],
): ScaleStep {
  const grown = newSetSize(desired, limits, next, old);
  if (grown !== next.replicas) return new Map([[next.name, grown]]);
  return shrinkOld(desired, limits, next, old);
}

function newSetSize(desired: number, { surge }: RolloutLimits, next: RolloutSet, old: readonly RolloutSet[]): number {
  if (next.replicas >= desired) return desired;
  const total = next.replicas + sum(old, ({ replicas }) => replicas);
  const room = desired + surge - total;
  return room <= 0 ? next.replicas : Math.min(desired, next.replicas + room);
}

/** First pods that don't serve anyway, then as many as may be missing; the oldest set first. */
function shrinkOld(desired: number, limits: RolloutLimits, next: RolloutSet, old: readonly RolloutSet[]): ScaleStep {
  const sizes = new Map(old.map((set) => [set.name, set.replicas]));
  const minAvailable = desired - limits.unavailable;
  const newUnavailable = next.replicas - next.availableReplicas;
  const oldest = old.toSorted((a, b) => a.created - b.created);
  let cleanup = sum(old, ({ replicas }) => replicas) + next.replicas - minAvailable - newUnavailable;
  if (cleanup <= 0) return new Map();
  for (const set of oldest) {
    if (cleanup <= 0) break;
    const unhealthy = Math.min(cleanup, set.replicas - set.availableReplicas);
    if (unhealthy <= 0) continue;
    sizes.set(set.name, set.replicas - unhealthy);
    cleanup -= unhealthy;
  }
  let spare = sum(old, ({ availableReplicas }) => availableReplicas) + next.availableReplicas - minAvailable;
  for (const set of oldest) {
    if (spare <= 0) break;
    const size = sizes.get(set.name) ?? 0;
    const less = Math.min(size, spare);
    sizes.set(set.name, size - less);
    spare -= less;
  }
  return new Map(
    old.filter((set) => sizes.get(set.name) !== set.replicas).map((set) => [set.name, sizes.get(set.name) ?? 0]),
  );
}

/**
 * How a change of `spec.replicas` is spread while several ReplicaSets have pods: in proportion to their sizes, the rest to
 * the largest. With one set that has pods it simply takes the number.
 */
export function proportionalScale(desired: number, limits: RolloutLimits, sets: readonly RolloutSet[]): ScaleStep {
  const active = sets.filter(({ replicas }) => replicas > 0);
  const latest = sets.toSorted((a, b) => b.created - a.created)[0];
  const only = active[0] ?? latest;
  if (active.length <= 1) return only && only.replicas !== desired ? new Map([[only.name, desired]]) : new Map();
  const total = sum(active, ({ replicas }) => replicas);
  const allowed = desired > 0 ? desired + limits.surge : 0;
  const toAdd = allowed - total;
  const largestFirst = active.toSorted(
    (a, b) => b.replicas - a.replicas || (toAdd > 0 ? b.created - a.created : a.created - b.created),
  );
  let added = 0;
  const sizes = new Map<string, number>();
  for (const set of largestFirst) {
    const share = Math.round((set.replicas * allowed) / (set.maxReplicas || total)) - set.replicas;
    const left = toAdd - added;
    const part = toAdd > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
    sizes.set(set.name, set.replicas + part);
    added += part;
  }
  const [largest] = largestFirst;
  if (largest) sizes.set(largest.name, Math.max(0, (sizes.get(largest.name) ?? 0) + toAdd - added));
  return new Map(
    active.filter((set) => sizes.get(set.name) !== set.replicas).map((set) => [set.name, sizes.get(set.name) ?? 0]),
  );
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
