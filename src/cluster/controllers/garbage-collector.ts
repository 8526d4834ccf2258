import type { OwnerReference } from "kubernetes-types/meta/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { type KubeObject, objectKey } from "#kube/object.ts";
import type { AllObjects, FollowedType } from "./all-objects.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createOwnerGraph } from "./owner-graph.ts";
import { createWorkQueue } from "./work-queue.ts";

const foreground = "foregroundDeletion";
const orphan = "orphan";
/** An owner of a type that isn't served (yet) is looked for again after so long (ms). */
const unknownOwnerRetry = 30_000;

/**
 * Deletes what has lost all its owners (background), deletes dependents first where that was asked for (foreground), or
 * cuts their ties (orphan). Work is by uid, as names come back.
 */
export function runGarbageCollector(context: ControllerContext, all: AllObjects): RunningController {
  const { client, log } = context;
  const graph = createOwnerGraph<FollowedType>();
  const queue = createWorkQueue({ name: "garbage-collector", log, reconcile });

  async function reconcile(uid: string): Promise<number | void> {
    const node = graph.get(uid);
    // Gone: those that named it as their owner are to be looked at, each by itself.
    if (!node) {
      for (const dependent of graph.dependentsOf(uid)) queue.add(dependent.uid);
      return;
    }
    const object = node.followed.cache.get(node.key);
    if (object?.metadata?.uid !== uid) return;
    if (object.metadata.deletionTimestamp !== undefined) {
      if (object.metadata.finalizers?.includes(orphan)) return orphanDependents(node.followed, object);
      if (object.metadata.finalizers?.includes(foreground)) return deleteDependents(node.followed, object);
      return;
    }
    return checkOwners(node.followed, object);
  }

  async function checkOwners({ type }: FollowedType, object: KubeObject): Promise<number | void> {
    const owners = object.metadata?.ownerReferences ?? [];
    if (owners.length === 0) return;
    const states = await Promise.all(owners.map((owner) => stateOf(owner, object)));
    if (states.includes("unknown")) return unknownOwnerRetry;
    const { namespace = "", name = "", uid = "" } = object.metadata ?? {};
    const solid = owners.filter((_, i) => states[i] === "there");
    if (solid.length === owners.length) return;
    if (solid.length > 0) {
      // It still has an owner: only the dead ties go.
      const metadata = { uid, ownerReferences: solid };
      await client.patch(type, { namespace, name, patch: { metadata }, as: "merge" }).catch(ignoreGone);
      return;
    }
    // An owner that waits for its dependents wants theirs to go first, too.
    const waited = states.includes("waiting") && graph.dependentsOf(uid).length > 0;
    const propagationPolicy = waited ? "Foreground" : "Background";
    await client.delete(type, { namespace, name, uid, propagationPolicy }).catch(ignoreGone);
    log.debug("deleted a dependent", { kind: type.kind, namespace, name });
  }

  async function stateOf(owner: OwnerReference, object: KubeObject): Promise<"there" | "waiting" | "gone" | "unknown"> {
    const node = graph.get(owner.uid);
    let found: KubeObject | undefined = node?.followed.cache.get(node.key);
    if (!found) {
      // The caches of two types don't move together, so the server has the last word.
      const followed = all.find(owner.apiVersion, owner.kind);
      if (!followed) return "unknown";
      const namespace = followed.type.namespaced ? object.metadata?.namespace : undefined;
      found = await client.find(followed.type, { name: owner.name, ...(namespace ? { namespace } : {}) });
    }
    if (found?.metadata?.uid !== owner.uid) return "gone";
    const waits = found.metadata.deletionTimestamp !== undefined && found.metadata.finalizers?.includes(foreground);
    return waits ? "waiting" : "there";
  }

  async function deleteDependents(followed: FollowedType, owner: KubeObject): Promise<void> {
    const dependents = graph.dependentsOf(owner.metadata?.uid ?? "");
    for (const { uid } of dependents) queue.add(uid);
    if (!dependents.some(({ blocks }) => blocks)) await removeFinalizer(followed, owner, foreground);
  }

  async function orphanDependents(followed: FollowedType, owner: KubeObject): Promise<void> {
    const ownerUid = owner.metadata?.uid ?? "";
    await Promise.all(
      graph.dependentsOf(ownerUid).map(async ({ uid }) => {
        const node = graph.get(uid);
        const dependent = node?.followed.cache.get(node.key);
        if (!node || dependent?.metadata?.uid !== uid) return;
        const ownerReferences = (dependent.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== ownerUid);
        const { namespace = "", name = "" } = dependent.metadata;
        const patch = { metadata: { uid, ownerReferences } };
        await client.patch(node.followed.type, { namespace, name, patch, as: "merge" }).catch(ignoreGone);
      }),
    );
    await removeFinalizer(followed, owner, orphan);
  }

  async function removeFinalizer({ type }: FollowedType, object: KubeObject, name: string): Promise<void> {
    const finalizers = (object.metadata?.finalizers ?? []).filter((one) => one !== name);
    const { namespace, name: objectName = "", uid, resourceVersion } = object.metadata ?? {};
    const patch = { metadata: { uid, resourceVersion, finalizers } };
    const ref = { name: objectName, ...(namespace ? { namespace } : {}) };
    await client.patch(type, { ...ref, patch, as: "merge" }).catch(ignoreMissing);
  }

  all.onChange((followed, { before, after }) => {
    if (before && before.metadata?.uid !== after?.metadata?.uid) gone(before);
    if (!after?.metadata?.uid) return;
    const { uid, ownerReferences = [], deletionTimestamp } = after.metadata;
    const changed = graph.set(uid, { followed, key: objectKey(after), owners: ownerReferences });
    if (changed || (deletionTimestamp !== undefined && before?.metadata?.deletionTimestamp === undefined))
      queue.add(uid);
    else if (deletionTimestamp !== undefined) queue.add(uid);
    // A dependent that doesn't block any more may free its owner.
    if (changed && before) for (const owner of before.metadata?.ownerReferences ?? []) queue.add(owner.uid);
  });

  function gone(object: KubeObject): void {
    const uid = object.metadata?.uid ?? "";
    graph.remove(uid);
    queue.add(uid);
    for (const owner of object.metadata?.ownerReferences ?? []) queue.add(owner.uid);
  }

  return queue;
}

function ignoreMissing(error: unknown): void {
  if (!isKubeError(error, "NotFound")) throw error;
}

/** Conflict: the uid is another's by now. */
function ignoreGone(error: unknown): void {
  if (!isKubeError(error, "NotFound") && !isKubeError(error, "Conflict")) throw error;
}
