import type { Deployment, ReplicaSet } from "kubernetes-types/apps/v1.d.ts";

const revision = "deployment.kubernetes.io/revision";
const history = "deployment.kubernetes.io/revision-history";
const desiredReplicas = "deployment.kubernetes.io/desired-replicas";
const maxReplicas = "deployment.kubernetes.io/max-replicas";

/** Annotations of a Deployment that its ReplicaSets don't take over. */
const ownAnnotations = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revision,
  history,
  desiredReplicas,
  maxReplicas,
]);

export const annotationNames: Readonly<Record<"revision" | "desiredReplicas" | "maxReplicas", string>> = {
  revision,
  desiredReplicas,
  maxReplicas,
};

export function revisionOf(object: Deployment | ReplicaSet): number {
  return Number(object.metadata?.annotations?.[revision] ?? 0) || 0;
}

/**
 * What the newest ReplicaSet's annotations should be: the Deployment's own, its sizes, and a revision above all
 * the older ones (an old template that comes back keeps its former numbers in the history).
 */
export function newSetAnnotations(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  older: readonly ReplicaSet[],
  surge: number,
): Record<string, string> {
  const before = set?.metadata?.annotations ?? {};
  const number = Math.max(0, ...older.map(revisionOf)) + 1;
  const current = set ? revisionOf(set) : 0;
  const annotations: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(deployment.metadata?.annotations ?? {}))
    if (!ownAnnotations.has(name)) annotations[name] = value;
  if (number > current) {
    annotations[revision] = String(number);
    if (current > 0) annotations[history] = [before[history], String(current)].filter(Boolean).join(",");
  }
  return { ...annotations, ...sizeAnnotations(deployment, surge) };
}

/** How large the rollout is, noted on each set that is scaled, so that a change of size can be told from a rollout. */
export function sizeAnnotations(deployment: Deployment, surge: number): Record<string, string> {
  const desired = deployment.spec?.replicas ?? 1;
  return { [desiredReplicas]: String(desired), [maxReplicas]: String(desired + surge) };
}

/** True when `spec.replicas` changed since the sets were last scaled. */
export function isScaling(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const noted = set.metadata?.annotations?.[desiredReplicas];
    return (set.spec?.replicas ?? 0) > 0 && noted !== undefined && Number(noted) !== (deployment.spec?.replicas ?? 1);
  });
}

/** Old sets beyond `revisionHistoryLimit` that nothing needs any more, oldest first. */
export function surplusSets(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const idle = old.filter(
    ({ metadata, spec, status }) =>
      (spec?.replicas ?? 0) === 0 &&
      (status?.replicas ?? 0) === 0 &&
      (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
      metadata?.deletionTimestamp === undefined,
  );
  return idle.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, idle.length - limit));
}
