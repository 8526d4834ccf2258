import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ClusterRanges } from "./network/ranges.ts";

/** The Service of the cluster's DNS, and where it leads: the daemon itself. */
export async function ensureDnsService(client: KubeClient, ranges: ClusterRanges, port: number): Promise<void> {
  const dnsPorts = [
    { name: "dns", protocol: "UDP" },
    { name: "dns-tcp", protocol: "TCP" },
  ];
  await put<Service>(client, resourceTypes.services, {
    metadata: {
      name: "kube-dns",
      namespace: "kube-system",
      labels: { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: ranges.dnsIp,
      clusterIPs: [ranges.dnsIp],
      ports: dnsPorts.map((entry) => ({ ...entry, port: 53, targetPort: port })),
    },
  });
  await put(
    client,
    resourceTypes.endpointSlices,
    slice(
      "kube-dns",
      "kube-system",
      ranges.nodeIp,
      dnsPorts.map((entry) => ({ ...entry, port })),
    ),
  );
}

function slice(
  service: string,
  namespace: string,
  ip: string,
  ports: readonly { name: string; protocol: string; port: number }[],
): EndpointSlice {
  return {
    metadata: {
      name: service,
      namespace,
      // Without the controller's own mark it leaves the slice alone.
      labels: { "kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": "weft.dev" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: [ip], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [...ports],
  };
}

/** Creates the object, or brings the part that is ours up to date: ports differ from start to start. */
async function put<T extends KubeObject>(client: KubeClient, type: ResourceType, object: T): Promise<void> {
  try {
    await client.create(type, object);
  } catch (error) {
    if (!isKubeError(error, "AlreadyExists")) throw error;
    const { namespace, name = "" } = object.metadata ?? {};
    await client.patch(type, { ...(namespace ? { namespace } : {}), name, as: "merge", patch: object });
  }
}
