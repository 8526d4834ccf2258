import type { Deployment, ReplicaSet } from "kubernetes-types/apps/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { controllerReference } from "./owners.ts";
import { templateHash, templateKey } from "./pod-template.ts";
import { annotationNames } from "./revisions.ts";
import { type RolloutSet, rollingUpdateStep, rolloutLimits } from "./rolling-update.ts";

export function nameOf(set: ReplicaSet): string {
  return set.metadata?.name ?? "";
}

/** The oldest set whose template is the Deployment's. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = deployment.spec?.template;
  if (!template) return undefined;
  const key = templateKey(template);
  const name = `${deployment.metadata?.name}-${templateHash(template, deployment.status?.collisionCount)}`;
  const age = ({ metadata }: ReplicaSet): number => Date.parse(metadata?.creationTimestamp ?? "") || 0;
  return sets
    .toSorted((a, b) => age(a) - age(b))
    .find((set) => nameOf(set) === name || (set.spec?.template && templateKey(set.spec.template) === key));
}

/** What the rollout's arithmetic needs of a set. */
export function rolloutSet(set: ReplicaSet): RolloutSet {
  const maxReplicas = Number(set.metadata?.annotations?.[annotationNames.maxReplicas] ?? 0);
  return {
    name: nameOf(set),
    replicas: set.spec?.replicas ?? 0,
    availableReplicas: set.status?.availableReplicas ?? 0,
    created: Date.parse(set.metadata?.creationTimestamp ?? "") || 0,
    ...(maxReplicas > 0 ? { maxReplicas } : {}),
  };
}

/** A new set is created at the size of its first step. */
export function firstSize(deployment: Deployment, oldSets: readonly ReplicaSet[]): number {
  if (!deployment.spec) return 0;
  const next: RolloutSet = { name: "", replicas: 0, availableReplicas: 0, created: 0 };
  const limits = rolloutLimits(deployment.spec);
  const step = rollingUpdateStep(deployment.spec.replicas ?? 1, limits, next, oldSets.map(rolloutSet));
  return step.get("") ?? 0;
}

/** The set for the present template, still without replicas; it and its pods carry the template's hash. */
export function makeSet(
  deployment: Deployment,
  annotations: Record<string, string>,
  collisionCount: number,
): ReplicaSet {
  const { selector, template, minReadySeconds } = deployment.spec ?? { selector: {}, template: {} };
  const hash = templateHash(template, collisionCount);
  const withHash = (labels: Record<string, string> = {}) => ({ ...labels, "pod-template-hash": hash });
  return {
    metadata: {
      name: `${deployment.metadata?.name}-${hash}`,
      namespace: deployment.metadata?.namespace ?? "default",
      labels: withHash(template.metadata?.labels),
      annotations,
      ownerReferences: [controllerReference(deployment, resourceTypes.deployments)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: withHash(selector.matchLabels) },
      template: { ...template, metadata: { ...template.metadata, labels: withHash(template.metadata?.labels) } },
    },
  };
}
