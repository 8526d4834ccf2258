import type { LabelSelector } from "kubernetes-types/meta/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import type { Cache } from "./cluster-state.ts";
import { controllerOf, controllerReference, isControlledBy, selectorMatches } from "./owners.ts";

interface Claim<T extends KubeObject> {
  readonly type: ResourceType;
  readonly cache: Cache<T>;
  readonly owner: KubeObject;
  readonly ownerType: ResourceType;
  readonly selector: LabelSelector | undefined;
  /** Whether an object nobody controls may be taken, besides that the selector matches. */
  readonly mayAdopt?: (object: T) => boolean;
}

/**
 * The objects that belong to `owner`. What matches the selector and has no controller is adopted; what the owner controls
 * but no longer matches is let go (kubernetes: "ControllerRefManager").
 */
export async function claim<T extends KubeObject>(client: KubeClient, options: Claim<T>): Promise<T[]> {
  const { type, cache, owner, ownerType, selector, mayAdopt = () => true } = options;
  const ownerLives = owner.metadata?.deletionTimestamp === undefined;
  const mine: T[] = [];
  for (const object of cache.values()) {
    if (object.metadata?.namespace !== owner.metadata?.namespace) continue;
    const matches = selectorMatches(selector, object.metadata?.labels);
    if (isControlledBy(object, owner)) {
      if (matches || !ownerLives) mine.push(object);
      else if (object.metadata?.deletionTimestamp === undefined) await release(object);
    } else if (matches && ownerLives && controllerOf(object) === undefined) {
      if (object.metadata?.deletionTimestamp === undefined && mayAdopt(object) && (await adopt(object)))
        mine.push(object);
    }
  }
  return mine;

  async function adopt(object: T): Promise<boolean> {
    // The cache may lag behind: an owner that is going mustn't take anything along.
    const { namespace = "", name = "" } = owner.metadata ?? {};
    const live = await client.find(ownerType, { namespace, name });
    if (live?.metadata?.uid !== owner.metadata?.uid || live?.metadata?.deletionTimestamp) return false;
    return patch(object, [...(object.metadata?.ownerReferences ?? []), controllerReference(owner, ownerType)]);
  }

  async function release(object: T): Promise<void> {
    const others = (object.metadata?.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata?.uid);
    await patch(object, others);
  }

  async function patch(object: T, ownerReferences: readonly object[]): Promise<boolean> {
    const { namespace = "", name = "", uid } = object.metadata ?? {};
    try {
      const metadata = { uid, ownerReferences };
      const patched = await client.patch(type, { namespace, name, patch: { metadata }, as: "merge" });
      const version = patched.metadata?.resourceVersion;
      await cache.until(objectKey(object), (seen) => seen === undefined || seen.metadata?.resourceVersion === version);
      return true;
    } catch (error) {
      if (isKubeError(error, "NotFound")) return false;
      throw error;
    }
  }
}
