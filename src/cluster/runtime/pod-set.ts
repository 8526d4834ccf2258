import type { ConfigMap, Pod, Secret } from "kubernetes-types/core/v1.d.ts";
import { type Change, startInformer } from "#kube/informer.ts";
import type { ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { RuntimeContext } from "./context.ts";
import { createPodWorker, type PodWorker } from "./pod/pod-worker.ts";

/** The pods of this node, each with its worker. */
export interface PodSet {
  find(namespace: string, name: string): PodWorker | undefined;
  /** Kills everything; the API isn't told. */
  halt(): Promise<void>;
}

/** Follows the API's pods of this node until `signal` aborts. Resolves when the first list has been taken in. */
export async function startPodSet(context: RuntimeContext, signal: AbortSignal): Promise<PodSet> {
  const { client, log } = context;
  /** By uid: a pod may come back under its name while the earlier one is on its way out. */
  const workers = new Map<string, PodWorker>();

  const pods = startInformer<Pod>(client, resourceTypes.pods, {
    signal,
    log,
    fieldSelector: `spec.nodeName=${context.nodeName}`,
  });
  pods.onChange(({ before, after }: Change<Pod>) => {
    const uid = after?.metadata?.uid;
    if (before && before.metadata?.uid !== uid) workers.get(before.metadata?.uid ?? "")?.remove();
    if (!after || !uid) return;
    const known = workers.get(uid);
    if (known) known.update(after);
    else
      workers.set(
        uid,
        createPodWorker(context, after, () => workers.delete(uid)),
      );
  });

  const follow = (type: ResourceType): void => {
    const informer = startInformer<ConfigMap | Secret>(client, type, { signal, log });
    informer.onChange(({ after, before }) => {
      const { namespace, name } = (after ?? before)?.metadata ?? {};
      for (const worker of workers.values())
        if (worker.name.namespace === namespace) worker.objectChanged(`${type.plural}/${name}`);
    });
  };
  follow(resourceTypes.configMaps);
  follow(resourceTypes.secrets);
  await pods.synced;

  return {
    find(namespace, name) {
      const found = [...workers.values()].filter(({ name: own }) => own.namespace === namespace && own.name === name);
      return found.at(-1);
    },
    async halt() {
      await Promise.allSettled([...workers.values()].map((worker) => worker.halt()));
      workers.clear();
    },
  };
}
