import type { ConfigMap, Namespace } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import { createReconciler, type Reconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

/** What a pod mounts at /var/run/secrets/istio to know istiod by. */
const rootConfigMap = "istio-ca-root-cert";
const dataKey = "root-cert.pem";

/**
 * Keeps the root certificate in ConfigMap `istio-ca-root-cert` of every namespace: makes it when a namespace comes, and puts it
 * back when somebody changes or deletes it.
 */
export function keepRootConfigMaps(options: {
  readonly client: KubeClient;
  readonly namespaces: Informer<Namespace>;
  readonly rootPem: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}): Reconciler {
  const { client, namespaces, rootPem, signal, log } = options;
  const configMaps = startInformer<ConfigMap>(client, resourceTypes.configMaps, {
    signal,
    log,
    fieldSelector: `metadata.name=${rootConfigMap}`,
  });

  async function reconcile(namespace: string): Promise<void> {
    await configMaps.synced;
    const owner = namespaces.get(namespace);
    if (!owner || owner.metadata?.deletionTimestamp) return;
    const current = configMaps.get(`${namespace}/${rootConfigMap}`);
    if (current?.metadata?.deletionTimestamp || current?.data?.[dataKey] === rootPem) return;
    try {
      if (current) {
        // A name that is there already may be ours in part only: other keys stay.
        await client.update<ConfigMap>(resourceTypes.configMaps, {
          ...current,
          data: { ...current.data, [dataKey]: rootPem },
        });
      } else {
        await client.create<ConfigMap>(resourceTypes.configMaps, {
          metadata: { name: rootConfigMap, namespace, labels: { "istio.io/config": "true" } },
          data: { [dataKey]: rootPem },
        });
      }
    } catch (error) {
      // The namespace is on its way out, or the watch is a little behind.
      if (isKubeError(error, "NotFound") || isKubeError(error, "AlreadyExists")) return;
      if (isKubeError(error, "Forbidden") && /being terminated/.test(error.message)) return;
      throw error;
    }
  }

  const reconciler = createReconciler({ reconcile, signal, log });
  namespaces.onChange(({ key, after }) => {
    if (after) reconciler.ask(key);
  });
  configMaps.onChange(({ before, after }) => {
    const namespace = (after ?? before)?.metadata?.namespace;
    if (namespace && after?.data?.[dataKey] !== rootPem) reconciler.ask(namespace);
  });
  return reconciler;
}
