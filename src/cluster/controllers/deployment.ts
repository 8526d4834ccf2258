import type { Deployment, ReplicaSet } from "kubernetes-types/apps/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { claim } from "./claim.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { findNewSet, firstSize, makeSet, nameOf, rolloutSet } from "./deployment-sets.ts";
import { type DeploymentFacts, deploymentStatus, isComplete } from "./deployment-status.ts";
import { jsonEqual } from "./json-equal.ts";
import { controllerOf, isControlledBy, ownerKeyOf, selectorMatches } from "./owners.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { isPodFinished } from "./pod-state.ts";
import {
  annotationNames,
  isScaling,
  newSetAnnotations,
  revisionOf,
  sizeAnnotations,
  surplusSets,
} from "./revisions.ts";
import { proportionalScale, rollingUpdateStep, rolloutLimits, type ScaleStep } from "./rolling-update.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** Rolls the pods of Deployments from one template to the next, through ReplicaSets. */
export function runDeployments(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { deployments, replicaSets, pods } = state;
  const recorder = context.recorder("deployment-controller");
  const queue = createWorkQueue({ name: "deployment", log, reconcile });

  async function reconcile(key: string): Promise<number | void> {
    const deployment = deployments.get(key);
    if (!deployment?.spec) return;
    const sets = await claim(client, {
      type: resourceTypes.replicaSets,
      cache: replicaSets,
      owner: deployment,
      ownerType: resourceTypes.deployments,
      selector: deployment.spec.selector,
    });
    let newSet = findNewSet(deployment, sets);
    const oldSets = sets.filter((set) => set !== newSet);
    let facts: Partial<DeploymentFacts> = {};
    if (deployment.metadata?.deletionTimestamp === undefined) {
      if (deployment.spec.paused || isScaling(deployment, sets)) {
        await apply(
          deployment,
          sets,
          proportionalScale(deployment.spec.replicas ?? 1, rolloutLimits(deployment.spec), sets.map(rolloutSet)),
        );
        await noteSizes(deployment, sets);
      } else {
        const mayStart = deployment.spec.strategy?.type !== "Recreate" || !hasOldPods(deployment, newSet);
        if (mayStart || newSet) {
          const made = await ensureNewSet(deployment, newSet, oldSets);
          newSet = made.set;
          facts = made;
        }
        const step = nextStep(deployment, newSet, oldSets, mayStart);
        await apply(deployment, newSet ? [newSet, ...oldSets] : oldSets, step);
      }
    }
    return finish(deployment, facts);
  }

  /** Writes the status by what the cache shows now, notes the revision, and tidies up after a complete rollout. */
  async function finish(deployment: Deployment, facts: Partial<DeploymentFacts>): Promise<number | void> {
    const sets = [...replicaSets.values()].filter((set) => isControlledBy(set, deployment));
    const newSet = findNewSet(deployment, sets);
    const oldSets = sets.filter((set) => set !== newSet);
    const { status, nextLook } = deploymentStatus(deployment, { ...facts, newSet, oldSets, now: Date.now() });
    const current = newSet ? await noteRevision(deployment, newSet) : deployment;
    await writeStatus(client, resourceTypes.deployments, deployments, current, status);
    if (isComplete(deployment, status) && !deployment.metadata?.deletionTimestamp)
      for (const { metadata } of surplusSets(deployment, oldSets))
        await client.delete(resourceTypes.replicaSets, {
          namespace: metadata?.namespace ?? "",
          name: metadata?.name ?? "",
          uid: metadata?.uid ?? "",
        });
    return nextLook;
  }

  function nextStep(
    deployment: Deployment,
    newSet: ReplicaSet | undefined,
    oldSets: readonly ReplicaSet[],
    mayStart: boolean,
  ): ScaleStep {
    const desired = deployment.spec?.replicas ?? 1;
    if (deployment.spec?.strategy?.type === "Recreate") {
      const down = oldSets.filter((set) => (set.spec?.replicas ?? 0) > 0).map((set) => [nameOf(set), 0] as const);
      if (down.length > 0) return new Map(down);
      return newSet && mayStart && newSet.spec?.replicas !== desired ? new Map([[nameOf(newSet), desired]]) : new Map();
    }
    if (!newSet || !deployment.spec) return new Map();
    return rollingUpdateStep(desired, rolloutLimits(deployment.spec), rolloutSet(newSet), oldSets.map(rolloutSet));
  }

  /** True while a pod of an older template is still there (strategy Recreate). */
  function hasOldPods(deployment: Deployment, newSet: ReplicaSet | undefined): boolean {
    return [...pods.values()].some((pod) => {
      if (pod.metadata?.namespace !== deployment.metadata?.namespace || isPodFinished(pod)) return false;
      const owner = controllerOf(pod);
      if (owner?.kind !== "ReplicaSet" || owner.uid === newSet?.metadata?.uid) return false;
      const set = replicaSets.get(`${pod.metadata?.namespace}/${owner.name}`);
      return set !== undefined && isControlledBy(set, deployment);
    });
  }

  async function ensureNewSet(
    deployment: Deployment,
    found: ReplicaSet | undefined,
    oldSets: readonly ReplicaSet[],
  ): Promise<Partial<DeploymentFacts> & { set: ReplicaSet | undefined }> {
    const spec = deployment.spec;
    const { surge } = spec ? rolloutLimits(spec) : { surge: 0 };
    const annotations = newSetAnnotations(deployment, found, oldSets, surge);
    if (found) {
      const minReadySeconds = spec?.minReadySeconds ?? 0;
      if (jsonEqual(found.metadata?.annotations, annotations) && (found.spec?.minReadySeconds ?? 0) === minReadySeconds)
        return { set: found };
      const patch = { metadata: { annotations }, spec: { minReadySeconds } };
      return { set: await patchSet(found, patch), ...(isProgressing(deployment) ? {} : { newSetEvent: "found" }) };
    }
    const collisionCount = deployment.status?.collisionCount ?? 0;
    const set = makeSet(deployment, annotations, collisionCount);
    const size = spec?.strategy?.type === "Recreate" ? (spec.replicas ?? 1) : firstSize(deployment, oldSets);
    try {
      const created = await client.create<ReplicaSet>(resourceTypes.replicaSets, {
        ...set,
        ...(set.spec ? { spec: { ...set.spec, replicas: size } } : {}),
      });
      if (size > 0) scaled(deployment, created, "up", 0, size);
      await replicaSets.until(objectKey(created), (seen) => seen?.metadata?.uid === created.metadata?.uid);
      return { set: created, newSetEvent: "created" };
    } catch (error) {
      if (isNamespaceTerminating(error)) return { set: undefined };
      if (!isKubeError(error, "AlreadyExists")) {
        const message = error instanceof Error ? error.message : String(error);
        recorder.event(deployment, "Warning", "ReplicaSetCreateError", `Failed to create new replica set: ${message}`);
        throw error;
      }
      // A stranger has this name: the next hash is another one.
      return { set: undefined, collisionCount: collisionCount + 1 };
    }
  }

  async function apply(deployment: Deployment, sets: readonly ReplicaSet[], step: ScaleStep): Promise<void> {
    const { surge } = deployment.spec ? rolloutLimits(deployment.spec) : { surge: 0 };
    await Promise.all(
      sets.map(async (set) => {
        const replicas = step.get(nameOf(set));
        const before = set.spec?.replicas ?? 0;
        if (replicas === undefined || replicas === before) return;
        await patchSet(set, { metadata: { annotations: sizeAnnotations(deployment, surge) }, spec: { replicas } });
        scaled(deployment, set, replicas > before ? "up" : "down", before, replicas);
      }),
    );
  }

  /** Sets that keep their size still have to know the new total, or it would look like scaling for ever. */
  async function noteSizes(deployment: Deployment, sets: readonly ReplicaSet[]): Promise<void> {
    const annotations = sizeAnnotations(deployment, deployment.spec ? rolloutLimits(deployment.spec).surge : 0);
    for (const { metadata } of sets) {
      const set = replicaSets.get(`${metadata?.namespace}/${metadata?.name}`);
      const noted = set?.metadata?.annotations?.[annotationNames.desiredReplicas];
      if (set && (set.spec?.replicas ?? 0) > 0 && noted !== annotations[annotationNames.desiredReplicas])
        await patchSet(set, { metadata: { annotations } });
    }
  }

  async function patchSet(set: ReplicaSet, patch: object): Promise<ReplicaSet> {
    const ref = { namespace: set.metadata?.namespace ?? "", name: nameOf(set) };
    const patched = await client.patch<ReplicaSet>(resourceTypes.replicaSets, { ...ref, patch, as: "merge" });
    await replicaSets.until(
      objectKey(set),
      (seen) => seen?.metadata?.resourceVersion !== set.metadata?.resourceVersion,
    );
    return patched;
  }

  async function noteRevision(deployment: Deployment, newSet: ReplicaSet): Promise<Deployment> {
    const revision = String(revisionOf(newSet));
    if (deployment.metadata?.annotations?.[annotationNames.revision] === revision || revision === "0")
      return deployment;
    const { namespace = "", name = "" } = deployment.metadata ?? {};
    const patch = { metadata: { annotations: { [annotationNames.revision]: revision } } };
    return client.patch<Deployment>(resourceTypes.deployments, { namespace, name, patch, as: "merge" });
  }

  function scaled(deployment: Deployment, set: ReplicaSet, way: "up" | "down", from: number, to: number): void {
    const message = `Scaled ${way} replica set ${nameOf(set)} from ${from} to ${to}`;
    recorder.event(deployment, "Normal", "ScalingReplicaSet", message);
  }

  deployments.onChange(({ key }) => queue.add(key));
  replicaSets.onChange(({ before, after }) => {
    for (const set of [before, after]) {
      const key = ownerKeyOf(set, "Deployment");
      if (key) queue.add(key);
      else if (set && !controllerOf(set)) adoptable(set);
    }
  });
  // Only Recreate waits for pods to be gone.
  pods.onChange(({ before, after }) => {
    if (after && !isPodFinished(after)) return;
    const owner = before && ownerKeyOf(before, "ReplicaSet");
    const set = owner ? replicaSets.get(owner) : undefined;
    const key = ownerKeyOf(set, "Deployment");
    if (key && deployments.get(key)?.spec?.strategy?.type === "Recreate") queue.add(key);
  });

  function adoptable(set: ReplicaSet): void {
    for (const deployment of deployments.values())
      if (
        deployment.metadata?.namespace === set.metadata?.namespace &&
        selectorMatches(deployment.spec?.selector, set.metadata?.labels)
      )
        queue.add(objectKey(deployment));
  }

  return queue;
}

function isProgressing(deployment: Deployment): boolean {
  return deployment.status?.conditions?.some(({ type }) => type === "Progressing") ?? false;
}
