import type { ConfigMap, Namespace } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

export interface NamespaceConfigMapOptions {
  readonly client: KubeClient;
  readonly namespaces: Informer<Namespace>;
  readonly name: string;
  readonly key: string;
  /** The text that it should have now. */
  readonly text: () => string;
  /** Whether a namespace is the mesh's at all. */
  readonly includes: (namespace: string) => boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Kubernetes' own namespaces, where no workload of the mesh is. Istio: IgnoredNamespaces. */
const ignored: ReadonlySet<string> = new Set(["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]);

/**
 * Keeps a text in a ConfigMap of every namespace of the mesh: makes it when a namespace comes, and puts it back when somebody changes or
 * deletes it. Pods mount such ConfigMaps. Call what it returns when the text, or which namespaces there are, may be another.
 */
export function keepNamespaceConfigMap(options: NamespaceConfigMapOptions): () => void {
  const { client, namespaces, name, key, text, includes, signal, log } = options;
  const configMaps = startInformer<ConfigMap>(client, resourceTypes.configMaps, {
    signal,
    log,
    fieldSelector: `metadata.name=${name}`,
  });

  async function reconcile(namespace: string): Promise<void> {
    await configMaps.synced;
    const owner = namespaces.get(namespace);
    if (!owner || owner.metadata?.deletionTimestamp || ignored.has(namespace) || !includes(namespace)) return;
    const wanted = text();
    const current = configMaps.get(`${namespace}/${name}`);
    if (current?.metadata?.deletionTimestamp || current?.data?.[key] === wanted) return;
    try {
      if (current) {
        // A name that is there already may be ours in part only: other keys stay.
        const data = { ...current.data, [key]: wanted };
        await client.update<ConfigMap>(resourceTypes.configMaps, { ...current, data });
      } else {
        await client.create<ConfigMap>(resourceTypes.configMaps, {
          metadata: { name, namespace, labels: { "istio.io/config": "true" } },
          data: { [key]: wanted },
        });
      }
    } catch (error) {
      // The namespace is on its way out, or the watch is a little behind and will tell.
      if (isKubeError(error, "NotFound") || isKubeError(error, "AlreadyExists")) return;
      if (isKubeError(error, "Conflict")) return;
      if (isKubeError(error, "Forbidden") && /being terminated/.test(error.message)) return;
      throw error;
    }
  }

  const reconciler = createReconciler({ reconcile, signal, log: log.with({ configMap: name }) });
  namespaces.onChange(({ key: namespace, after }) => {
    if (after) reconciler.ask(namespace);
  });
  configMaps.onChange(({ before, after }) => {
    const namespace = (after ?? before)?.metadata?.namespace;
    if (namespace && after?.data?.[key] !== text()) reconciler.ask(namespace);
  });
  return () => {
    for (const { metadata } of namespaces.values()) reconciler.ask(metadata?.name ?? "");
  };
}
