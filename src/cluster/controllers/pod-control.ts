import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { isKubeError, KubeError } from "#kube/error.ts";
import { type KubeObject, objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext } from "./controller.ts";
import type { EventRecorder } from "./events.ts";

/** Creates and deletes pods for an owner, tells it in Events, and returns when the cache shows what was done. */
export interface PodControl {
  /** Throws the API server's refusal, except where the namespace is on its way out (then nothing is created). */
  create(owner: KubeObject, pod: Pod): Promise<void>;
  /** A pod that is gone already is a success. */
  delete(owner: KubeObject, pod: Pod): Promise<void>;
}

export function createPodControl({ client, state }: ControllerContext, recorder: EventRecorder): PodControl {
  return {
    async create(owner, pod) {
      const namespace = state.namespaces.get(pod.metadata?.namespace ?? "");
      if (namespace?.metadata?.deletionTimestamp) return;
      try {
        const created = await client.create<Pod>(resourceTypes.pods, pod);
        recorder.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata?.name}`);
        await state.pods.until(objectKey(created), (seen) => seen?.metadata?.uid === created.metadata?.uid);
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        recorder.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
        throw error;
      }
    },
    async delete(owner, pod) {
      const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
      try {
        await client.delete(resourceTypes.pods, { namespace, name, uid });
      } catch (error) {
        // Conflict: another pod of that name is there by now.
        if (isKubeError(error, "NotFound") || isKubeError(error, "Conflict")) return;
        recorder.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
        throw error;
      }
      recorder.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
      await state.pods.until(
        objectKey(pod),
        (seen) => seen?.metadata?.uid !== uid || seen.metadata.deletionTimestamp !== undefined,
      );
    },
  };
}

/** Kubernetes names this cause when something is to be created in a namespace that is being deleted. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof KubeError) || error.code !== 403) return false;
  const causes = error.status.details?.causes ?? [];
  return causes.some(({ reason }) => reason === "NamespaceTerminating") || /being terminated/.test(error.message);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
