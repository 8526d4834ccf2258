import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { jsonEqual } from "./json-equal.ts";
import { controllerReference } from "./owners.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { type SliceContent, samePorts, sliceContents } from "./service-endpoints.ts";
import { enqueueServicesOfPods, podsOf } from "./service-pods.ts";
import { createWorkQueue } from "./work-queue.ts";

const serviceName = "kubernetes.io/service-name";
const managedBy = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";
const headless = "service.kubernetes.io/headless";

/** Keeps the EndpointSlices of every Service that has a selector. */
export function runEndpointSlices(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { services, endpointSlices } = state;
  const queue = createWorkQueue({ name: "endpointslice", log, reconcile });

  async function reconcile(key: string): Promise<void> {
    const service = services.get(key);
    // What belongs to a Service that is gone is collected as garbage.
    if (!service || service.metadata?.deletionTimestamp) return;
    const own = [...endpointSlices.values()].filter(
      ({ metadata }) =>
        metadata?.namespace === service.metadata?.namespace &&
        metadata?.labels?.[serviceName] === service.metadata?.name &&
        metadata?.labels?.[managedBy] === manager &&
        metadata?.deletionTimestamp === undefined,
    );
    if (!service.spec?.selector) return;
    const wanted = service.spec.type === "ExternalName" ? [] : sliceContents(service, podsOf(state, service));
    const free = new Set(own);
    const matched = wanted.map((content) => {
      const slice = [...free].find((candidate) => samePorts(candidate, content));
      if (slice) free.delete(slice);
      return { content, slice };
    });
    await Promise.all(
      matched.map(({ content, slice }) => {
        // A slice whose ports changed is better updated than replaced.
        const [spare] = slice ? [] : [...free].filter(({ addressType }) => addressType === content.addressType);
        if (spare) free.delete(spare);
        return write(service, content, slice ?? spare);
      }),
    );
    await Promise.all([...free].map((slice) => remove(slice)));
  }

  async function write(service: Service, content: SliceContent, before: EndpointSlice | undefined): Promise<void> {
    const labels = labelsOf(service);
    if (
      before &&
      samePorts(before, content) &&
      jsonEqual(before.endpoints ?? [], content.endpoints) &&
      jsonEqual(before.metadata?.labels, labels)
    )
      return;
    try {
      const written = before
        ? await client.update<EndpointSlice>(resourceTypes.endpointSlices, {
            ...before,
            metadata: { ...before.metadata, labels },
            ports: content.ports,
            endpoints: content.endpoints,
          })
        : await client.create<EndpointSlice>(resourceTypes.endpointSlices, newSlice(service, content, labels));
      const old = before?.metadata?.resourceVersion;
      await endpointSlices.until(objectKey(written), (seen) =>
        before ? seen?.metadata?.resourceVersion !== old : seen !== undefined,
      );
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  async function remove(slice: EndpointSlice): Promise<void> {
    const { namespace = "", name = "" } = slice.metadata ?? {};
    try {
      await client.delete(resourceTypes.endpointSlices, { namespace, name });
    } catch (error) {
      if (!isKubeError(error, "NotFound")) throw error;
    }
    await endpointSlices.until(objectKey(slice), (seen) => seen === undefined);
  }

  services.onChange(({ key }) => queue.add(key));
  enqueueServicesOfPods(context, queue);
  endpointSlices.onChange(({ before, after }) => {
    // Only what somebody else did is news: a slice deleted, or made by hand.
    const { namespace, labels } = (after ?? before)?.metadata ?? {};
    const name = labels?.[serviceName];
    if (name && labels?.[managedBy] === manager) queue.add(`${namespace}/${name}`);
  });
  return queue;
}

function labelsOf(service: Service): Record<string, string> {
  return {
    ...service.metadata?.labels,
    [serviceName]: service.metadata?.name ?? "",
    [managedBy]: manager,
    ...(service.spec?.clusterIP === "None" ? { [headless]: "" } : {}),
  };
}

function newSlice(service: Service, content: SliceContent, labels: Record<string, string>): EndpointSlice {
  return {
    metadata: {
      generateName: `${service.metadata?.name}-`,
      namespace: service.metadata?.namespace ?? "default",
      labels,
      ownerReferences: [controllerReference(service, resourceTypes.services)],
    },
    ...content,
  };
}
