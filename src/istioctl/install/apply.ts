import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import type { Discovery } from "../discovery.ts";
import type { Manifest } from "./render/manifest.ts";

const fieldManager = "istio-operator";

/** Applies manifests one after another (server-side apply, taking over conflicting fields). Rejects naming the object. */
export async function applyManifests(
  client: KubeClient,
  discovery: Discovery,
  manifests: readonly Manifest[],
  options: { readonly dryRun?: boolean } = {},
): Promise<void> {
  for (const manifest of manifests) {
    const { namespace, name = "" } = manifest.metadata ?? {};
    try {
      await client.patch(await discovery.resourceTypeOf(manifest), {
        ...(namespace ? { namespace } : {}),
        name,
        patch: manifest,
        as: "apply",
        fieldManager,
        force: true,
        ...(options.dryRun ? { dryRun: true } : {}),
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${manifest.kind} ${namespace ? `${namespace}/` : ""}${name} was refused: ${why}`, { cause });
    }
  }
}

/** Deletes an object if it is there; true when it was. */
export async function deleteIfPresent(client: KubeClient, type: ResourceType, object: KubeObject): Promise<boolean> {
  const { namespace, name = "" } = object.metadata ?? {};
  try {
    await client.delete(type, { ...(namespace ? { namespace } : {}), name, propagationPolicy: "Background" });
    return true;
  } catch (error) {
    if (isKubeError(error, "NotFound")) return false;
    throw error;
  }
}
