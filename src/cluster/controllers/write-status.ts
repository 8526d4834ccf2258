import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import type { Cache } from "./cluster-state.ts";
import { jsonEqual } from "./json-equal.ts";

/** Writes the status where it differs, and returns when the cache shows it. Throws a conflict when `object` is stale. */
export async function writeStatus<T extends KubeObject & { readonly status?: unknown }>(
  client: KubeClient,
  type: ResourceType,
  cache: Cache<T>,
  object: T,
  status: T["status"],
): Promise<void> {
  if (jsonEqual(status, object.status)) return;
  try {
    await client.update<T>(type, { ...object, status }, "status");
  } catch (error) {
    if (isKubeError(error, "NotFound")) return;
    throw error;
  }
  const version = object.metadata?.resourceVersion;
  await cache.until(objectKey(object), (seen) => seen?.metadata?.resourceVersion !== version);
}
