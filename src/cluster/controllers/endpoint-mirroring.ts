import type { EndpointSubset, Endpoints } from "kubernetes-types/core/v1.d.ts";
import type { Endpoint, EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { canonicalJson, jsonEqual } from "./json-equal.ts";
import { controllerReference } from "./owners.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import type { SliceContent } from "./service-endpoints.ts";
import { createWorkQueue } from "./work-queue.ts";

const serviceName = "kubernetes.io/service-name";
const managedBy = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslicemirroring-controller.k8s.io";
const skip = "endpointslice.kubernetes.io/skip-mirror";
/** Addresses of one subset that are mirrored (Kubernetes' default). */
const maxAddresses = 1000;

/** Copies Endpoints that somebody wrote for a Service without selector to EndpointSlices, which is what proxies read. */
export function runEndpointMirroring(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { endpoints, endpointSlices, services } = state;
  const queue = createWorkQueue({ name: "endpointslicemirroring", log, reconcile });

  async function reconcile(key: string): Promise<void> {
    const source = endpoints.get(key);
    const service = services.get(key);
    const mirrored = source !== undefined && service !== undefined && !service.spec?.selector && isMirrored(source);
    const own = [...endpointSlices.values()].filter(({ metadata }) => {
      const labels = metadata?.labels ?? {};
      return labels[managedBy] === manager && `${metadata?.namespace}/${labels[serviceName]}` === key;
    });
    const free = new Set(own);
    for (const content of mirrored ? mirror(source.subsets ?? []) : []) {
      const same = (slice: EndpointSlice): boolean =>
        slice.addressType === content.addressType && canonicalJson(slice.ports) === canonicalJson(content.ports);
      const slice = [...free].find(same);
      if (slice) free.delete(slice);
      if (!slice || !jsonEqual(slice.endpoints, content.endpoints)) await write(source as Endpoints, content, slice);
    }
    await Promise.all([...free].map(remove));
  }

  async function write(source: Endpoints, content: SliceContent, before: EndpointSlice | undefined): Promise<void> {
    const { name = "", namespace = "default", labels } = source.metadata ?? {};
    const metadata = {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, [serviceName]: name, [managedBy]: manager },
      ownerReferences: [controllerReference(source, resourceTypes.endpoints)],
    };
    try {
      const written = before
        ? await client.update<EndpointSlice>(resourceTypes.endpointSlices, { ...before, endpoints: content.endpoints })
        : await client.create<EndpointSlice>(resourceTypes.endpointSlices, { metadata, ...content });
      const version = before?.metadata?.resourceVersion;
      await endpointSlices.until(objectKey(written), (seen) => seen?.metadata?.resourceVersion !== version);
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  async function remove(slice: EndpointSlice): Promise<void> {
    const { namespace = "", name = "" } = slice.metadata ?? {};
    await client.delete(resourceTypes.endpointSlices, { namespace, name }).catch((error: unknown) => {
      if (!isKubeError(error, "NotFound")) throw error;
    });
    await endpointSlices.until(objectKey(slice), (seen) => seen === undefined);
  }

  endpoints.onChange(({ key }) => queue.add(key));
  services.onChange(({ key }) => queue.add(key));
  endpointSlices.onChange(({ before, after }) => {
    const { namespace, labels } = (after ?? before)?.metadata ?? {};
    if (labels?.[managedBy] === manager) queue.add(`${namespace}/${labels[serviceName]}`);
  });
  return queue;
}

function isMirrored({ metadata }: Endpoints): boolean {
  const leaderElection = metadata?.annotations?.["control-plane.alpha.kubernetes.io/leader"] !== undefined;
  return metadata?.labels?.[skip] !== "true" && !leaderElection && metadata?.deletionTimestamp === undefined;
}

/** A slice for each subset and address family. */
function mirror(subsets: readonly EndpointSubset[]): SliceContent[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ].slice(0, maxAddresses);
    return (["IPv4", "IPv6"] as const).flatMap((addressType) => {
      const endpoints = all
        .filter(({ address }) => address.ip.includes(":") === (addressType === "IPv6"))
        .map(
          ({ address: { ip, hostname, nodeName, targetRef }, ready }): Endpoint => ({
            addresses: [ip],
            conditions: { ready },
            ...(hostname ? { hostname } : {}),
            ...(nodeName ? { nodeName } : {}),
            ...(targetRef ? { targetRef } : {}),
          }),
        );
      if (endpoints.length === 0) return [];
      const slicePorts = ports.map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
        name,
        port,
        protocol,
        ...(appProtocol ? { appProtocol } : {}),
      }));
      return [{ addressType, ports: slicePorts, endpoints }];
    });
  });
}
