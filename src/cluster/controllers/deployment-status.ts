import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "kubernetes-types/apps/v1.d.ts";
import { timestamp, withCondition, withoutCondition } from "./conditions.ts";
import { rolloutLimits } from "./rolling-update.ts";

/** What Kubernetes counts as "no deadline". */
const noDeadline = 2 ** 31 - 1;

export interface DeploymentFacts {
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
  /** What this look did to the new set, if anything. */
  readonly newSetEvent?: "created" | "found";
  readonly collisionCount?: number;
  readonly now: number;
}

/**
 * The status that follows from a Deployment's ReplicaSets (their statuses, as the cache has them), with the conditions
 * Available, Progressing and ReplicaFailure. `nextLook`: ms until the progress deadline could pass.
 */
export function deploymentStatus(
  deployment: Deployment,
  facts: DeploymentFacts,
): { readonly status: DeploymentStatus; readonly nextLook: number | undefined } {
  const { newSet, oldSets, now } = facts;
  const sets = newSet ? [...oldSets, newSet] : oldSets;
  const total = (field: "replicas" | "readyReplicas" | "availableReplicas"): number =>
    sets.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0);
  const desired = deployment.spec?.replicas ?? 1;
  const available = total("availableReplicas");
  const counts = {
    replicas: total("replicas"),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: total("readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sets.reduce((sum, set) => sum + (set.spec?.replicas ?? 0), 0) - available),
  };
  const collisions = facts.collisionCount ?? deployment.status?.collisionCount;
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata?.generation ?? 0,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(collisions === undefined ? {} : { collisionCount: collisions }),
  };
  let conditions = deployment.status?.conditions ?? [];
  conditions = withAvailable(conditions, deployment, available, now);
  conditions = withFailure(conditions, sets, now);
  const progress = withProgress(conditions, deployment, status, facts, desired);
  if (progress.conditions.length > 0) status.conditions = progress.conditions;
  return { status, nextLook: progress.nextLook };
}

/** All pods are of the new template and serve, and no old one is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = deployment.spec?.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function withAvailable(
  conditions: DeploymentCondition[],
  deployment: Deployment,
  available: number,
  now: number,
): DeploymentCondition[] {
  const spec = deployment.spec;
  const needed = (spec?.replicas ?? 1) - (spec ? rolloutLimits(spec).unavailable : 0);
  const next: DeploymentCondition =
    available >= needed
      ? {
          type: "Available",
          status: "True",
          reason: "MinimumReplicasAvailable",
          message: "Deployment has minimum availability.",
        }
      : {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "Deployment does not have minimum availability.",
        };
  return withCondition(conditions, next, { now, updateTime: true });
}

function withFailure(
  conditions: DeploymentCondition[],
  sets: readonly ReplicaSet[],
  now: number,
): DeploymentCondition[] {
  const failure = sets.flatMap((set) => set.status?.conditions ?? []).find(({ type }) => type === "ReplicaFailure");
  if (!failure) return withoutCondition(conditions, "ReplicaFailure");
  const { status, reason = "", message = "" } = failure;
  return withCondition(conditions, { type: "ReplicaFailure", status, reason, message }, { now, updateTime: true });
}

function withProgress(
  conditions: DeploymentCondition[],
  deployment: Deployment,
  status: DeploymentStatus,
  { newSet, newSetEvent, now }: DeploymentFacts,
  desired: number,
): { conditions: DeploymentCondition[]; nextLook: number | undefined } {
  const deadline = deployment.spec?.progressDeadlineSeconds ?? 600;
  const current = conditions.find(({ type }) => type === "Progressing");
  if (deadline === noDeadline) return { conditions: withoutCondition(conditions, "Progressing"), nextLook: undefined };
  const set = (value: "True" | "False" | "Unknown", reason: string, message: string, force = false) => {
    const base = force ? withoutCondition(conditions, "Progressing") : conditions;
    const next: DeploymentCondition = { type: "Progressing", status: value, reason, message };
    const made = withCondition(base, next, { now, updateTime: true });
    // A forced update renews the time of the last progress, not that of the transition.
    const kept = force && current?.status === value ? current.lastTransitionTime : undefined;
    return made.map((c) => (c === next || c.type !== "Progressing" || !kept ? c : { ...c, lastTransitionTime: kept }));
  };
  const name = deployment.metadata?.name ?? "";
  const setName = newSet?.metadata?.name ?? "";
  if (deployment.spec?.paused) {
    if (current?.reason === "DeploymentPaused") return { conditions, nextLook: undefined };
    return { conditions: set("Unknown", "DeploymentPaused", "Deployment is paused"), nextLook: undefined };
  }
  if (isComplete(deployment, status) && newSet) {
    const message = `ReplicaSet "${setName}" has successfully progressed.`;
    return { conditions: set("True", "NewReplicaSetAvailable", message), nextLook: undefined };
  }
  const look = deadline * 1000;
  if (newSetEvent === "created")
    return {
      conditions: set("True", "NewReplicaSetCreated", `Created new replica set "${setName}"`, true),
      nextLook: look,
    };
  if (newSetEvent === "found" || !current || current.reason === "DeploymentPaused")
    return {
      conditions: newSet ? set("True", "FoundNewReplicaSet", `Found new replica set "${setName}"`, true) : conditions,
      nextLook: look,
    };
  if (hasProgressed(deployment.status ?? {}, status)) {
    const message = newSet ? `ReplicaSet "${setName}" is progressing.` : `Deployment "${name}" is progressing.`;
    return { conditions: set("True", "ReplicaSetUpdated", message, true), nextLook: look };
  }
  // A finished rollout that loses a pod isn't a new rollout: it has no deadline.
  if (current.reason === "NewReplicaSetAvailable" || desired === 0) return { conditions, nextLook: undefined };
  const since = Date.parse(current.lastUpdateTime ?? current.lastTransitionTime ?? timestamp(now));
  const left = since + deadline * 1000 - now;
  if (left > 0) return { conditions, nextLook: left + 1000 };
  const message = newSet
    ? `ReplicaSet "${setName}" has timed out progressing.`
    : `Deployment "${name}" has timed out progressing.`;
  return { conditions: set("False", "ProgressDeadlineExceeded", message), nextLook: undefined };
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}
