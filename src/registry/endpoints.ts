import type { Node, Pod } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice, Endpoint as SliceEndpoint } from "kubernetes-types/discovery/v1.d.ts";
import type { Endpoint, Service } from "#model/service.ts";
import { podLocality } from "./locality.ts";
import { workloadName } from "./workload-name.ts";

/** What an endpoint's labels, identity and place are read from. Keys are `namespace/name` and the node's name. */
export interface Workloads {
  readonly pods: ReadonlyMap<string, Pod>;
  readonly nodes: ReadonlyMap<string, Node>;
}

/** Of Kubernetes objects: the network that they are in or lead to. */
export const networkLabel = "topology.istio.io/network";
const tlsModeLabel = "security.istio.io/tlsMode";

/** The endpoints that one slice gives to `service`, in the slice's order. Addresses that don't take traffic are left out. */
export function sliceEndpoints(slice: EndpointSlice, service: Service, workloads: Workloads): readonly Endpoint[] {
  if (slice.addressType === "FQDN") return [];
  const result: Endpoint[] = [];
  for (const entry of slice.endpoints ?? []) {
    if (!takesTraffic(entry, service)) continue;
    const place = { ...describe(entry, slice, workloads), ...(entry.hostname ? { hostname: entry.hostname } : {}) };
    for (const port of slice.ports ?? []) {
      if (port.port === undefined) continue;
      for (const address of entry.addresses ?? []) {
        result.push(Object.freeze({ ...place, address, port: port.port, portName: port.name ?? "", weight: 1 }));
      }
    }
  }
  return result;
}

/** Istio: only ready endpoints are told to proxies, unless the service publishes all of them. */
function takesTraffic(entry: SliceEndpoint, service: Service): boolean {
  return service.publishNotReady || (entry.conditions?.ready ?? true);
}

type Place = Omit<Endpoint, "address" | "port" | "portName" | "weight">;

function describe(entry: SliceEndpoint, slice: EndpointSlice, { pods, nodes }: Workloads): Place {
  const sliceNamespace = slice.metadata?.namespace ?? "";
  const target = entry.targetRef;
  const pod = target?.kind === "Pod" ? pods.get(`${target.namespace ?? sliceNamespace}/${target.name}`) : undefined;
  const node = entry.nodeName ?? pod?.spec?.nodeName ?? "";
  return describePod(pod, pod ? (pod.metadata?.namespace ?? sliceNamespace) : "", node, nodes);
}

function describePod(pod: Pod | undefined, namespace: string, node: string, nodes: Workloads["nodes"]): Place {
  const labels = pod?.metadata?.labels ?? {};
  return {
    labels,
    locality: podLocality(pod, nodes.get(node)),
    namespace,
    workload: pod ? workloadName(pod) : "",
    network: labels[networkLabel] ?? "",
    serviceAccount: pod?.spec?.serviceAccountName ?? "",
    node,
    isChecked: true,
    tlsMode: labels[tlsModeLabel] === "istio" ? "istio" : "disabled",
  };
}

/**
 * The endpoints that ready pods with the labels of its selector are for a ServiceEntry's service. A container port that is called
 * like the service's port is preferred. Istio: convertWorkloadInstanceToServiceInstance.
 */
export function selectedPods(service: Service, pods: readonly Pod[], nodes: Workloads["nodes"]): readonly Endpoint[] {
  const selector = Object.entries(service.selector);
  const ready = pods.filter(
    ({ metadata, status }) =>
      status?.podIP !== undefined &&
      status.podIP !== "" &&
      status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true &&
      selector.every(([key, value]) => metadata?.labels?.[key] === value),
  );
  return ready.flatMap((pod) => {
    const place = describePod(pod, pod.metadata?.namespace ?? "", pod.spec?.nodeName ?? "", nodes);
    const ports = new Map(
      pod.spec?.containers.flatMap(({ ports: list = [] }) => list.map((port) => [port.name, port.containerPort])),
    );
    return service.ports.flatMap(({ name, port, targetPort }) => {
      const number = ports.get(name) ?? (typeof targetPort === "number" ? targetPort : port);
      return Object.freeze({ ...place, address: pod.status?.podIP ?? "", port: number, portName: name, weight: 1 });
    });
  });
}

/** `namespace/name` of the Service a slice belongs to. */
export function sliceService(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.["kubernetes.io/service-name"];
  return name === undefined ? undefined : `${slice.metadata?.namespace ?? ""}/${name}`;
}
