import type { Endpoints } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { jsonEqual } from "./json-equal.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { endpointSubsets, sameSubsets } from "./service-endpoints.ts";
import { enqueueServicesOfPods, podsOf } from "./service-pods.ts";
import { createWorkQueue } from "./work-queue.ts";

const headless = "service.kubernetes.io/headless";
/** Marks Endpoints that this controller made, so that it deletes no others. */
const managedBy = "endpoints.kubernetes.io/managed-by";
const manager = "endpoint-controller";

/** Keeps the Endpoints object (the older form of EndpointSlices) of every Service that has a selector. */
export function runEndpoints(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { services, endpoints } = state;
  const queue = createWorkQueue({ name: "endpoints", log, reconcile });

  async function reconcile(key: string): Promise<void> {
    const service = services.get(key);
    const before = endpoints.get(key);
    if (!service) {
      if (before?.metadata?.labels?.[managedBy] === manager) await remove(before);
      return;
    }
    if (!service.spec?.selector || service.metadata?.deletionTimestamp) return;
    const labels = {
      ...service.metadata?.labels,
      [managedBy]: manager,
      ...(service.spec.clusterIP === "None" ? { [headless]: "" } : {}),
    };
    const subsets = endpointSubsets(service, podsOf(state, service));
    if (sameSubsets(before, subsets) && jsonEqual(before?.metadata?.labels, labels)) return;
    const { name = "", namespace = "" } = service.metadata ?? {};
    try {
      if (before) {
        const next = { ...before, metadata: { ...before.metadata, labels }, subsets };
        await client.update<Endpoints>(resourceTypes.endpoints, next);
      } else
        await client.create<Endpoints>(resourceTypes.endpoints, { metadata: { name, namespace, labels }, subsets });
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      throw error;
    }
    const version = before?.metadata?.resourceVersion;
    await endpoints.until(key, (seen) => seen?.metadata?.resourceVersion !== version);
  }

  async function remove({ metadata }: Endpoints): Promise<void> {
    const { name = "", namespace = "", uid = "" } = metadata ?? {};
    try {
      await client.delete(resourceTypes.endpoints, { namespace, name, uid });
    } catch (error) {
      if (!isKubeError(error, "NotFound") && !isKubeError(error, "Conflict")) throw error;
    }
  }

  services.onChange(({ key }) => queue.add(key));
  endpoints.onChange(({ key }) => queue.add(key));
  enqueueServicesOfPods(context, queue);
  return queue;
}
