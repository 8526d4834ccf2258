import type { ConfigMap, ServiceAccount } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { jsonEqual } from "./json-equal.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { createWorkQueue } from "./work-queue.ts";

const rootCaName = "kube-root-ca.crt";
const accountName = "default";
const rootCaDescription =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Keeps in every namespace the ServiceAccount `default` and the ConfigMap with the certificate that signs the API server's. */
export function runNamespaceDefaults(context: ControllerContext, rootCa: string): RunningController {
  const { client, state, log } = context;
  const { namespaces, serviceAccounts, configMaps } = state;
  const queue = createWorkQueue({ name: "namespace-defaults", log, reconcile });

  async function reconcile(name: string): Promise<void> {
    const namespace = namespaces.get(name);
    if (!namespace || namespace.metadata?.deletionTimestamp) return;
    try {
      if (!serviceAccounts.get(`${name}/${accountName}`))
        await client.create<ServiceAccount>(resourceTypes.serviceAccounts, {
          metadata: { name: accountName, namespace: name },
        });
      await ensureRootCa(name);
    } catch (error) {
      // AlreadyExists: made since the cache was read; its event is on the way and brings another look.
      if (!isKubeError(error, "AlreadyExists") && !isNamespaceTerminating(error)) throw error;
    }
  }

  async function ensureRootCa(namespace: string): Promise<void> {
    const before = configMaps.get(`${namespace}/${rootCaName}`);
    const data = { "ca.crt": rootCa };
    if (before && jsonEqual(before.data, data)) return;
    if (before) await client.update<ConfigMap>(resourceTypes.configMaps, { ...before, data });
    else
      await client.create<ConfigMap>(resourceTypes.configMaps, {
        metadata: { name: rootCaName, namespace, annotations: { "kubernetes.io/description": rootCaDescription } },
        data,
      });
  }

  namespaces.onChange(({ key }) => queue.add(key));
  serviceAccounts.onChange(({ key, before, after }) => {
    if (before && !after && key.endsWith(`/${accountName}`)) queue.add(before.metadata?.namespace ?? "");
  });
  configMaps.onChange(({ before, after }) => {
    const { name, namespace = "" } = (after ?? before)?.metadata ?? {};
    if (name === rootCaName) queue.add(namespace);
  });
  return queue;
}
