import type { Container, EndpointSubset, Endpoints, Pod, Service, ServicePort } from "kubernetes-types/core/v1.d.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { canonicalJson } from "./json-equal.ts";
import { isPodFinished, isPodReady } from "./pod-state.ts";

/** What one EndpointSlice says, without its name. */
export interface SliceContent {
  readonly addressType: "IPv4" | "IPv6";
  readonly ports: EndpointPort[];
  readonly endpoints: Endpoint[];
}

/** Kubernetes' default for the endpoint slice controller. */
const maxEndpointsPerSlice = 100;

/**
 * The slices of a Service with a selector: its pods that have an address and aren't finished, those on their way out
 * included (`terminating`). Pods that resolve a named port differently are in slices of their own.
 */
export function sliceContents(service: Service, pods: readonly Pod[]): SliceContent[] {
  const groups = new Map<string, SliceContent>();
  for (const addressType of addressTypesOf(service)) {
    for (const pod of sortedByName(pods)) {
      const addresses = addressesOf(pod, addressType);
      if (isPodFinished(pod) || addresses.length === 0) continue;
      const ports = portsOf(service, pod);
      const key = canonicalJson([addressType, ports]);
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(endpointOf(service, pod, addresses.slice(0, 1)));
    }
    // Without any pod the Service still has a slice, an empty one.
    if (![...groups.values()].some((group) => group.addressType === addressType))
      groups.set(addressType, { addressType, ports: [], endpoints: [] });
  }
  return [...groups.values()].flatMap(({ endpoints, ...group }) => {
    if (endpoints.length <= maxEndpointsPerSlice) return [{ ...group, endpoints }];
    const parts: SliceContent[] = [];
    for (let i = 0; i < endpoints.length; i += maxEndpointsPerSlice)
      parts.push({ ...group, endpoints: endpoints.slice(i, i + maxEndpointsPerSlice) });
    return parts;
  });
}

/** The subsets of the older Endpoints object: by ports, addresses that serve apart from those that don't. */
export function endpointSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const groups = new Map<string, EndpointSubset>();
  for (const pod of sortedByName(pods)) {
    const [ip] = addressesOf(pod, "IPv4");
    const leaving = pod.metadata?.deletionTimestamp !== undefined && !service.spec?.publishNotReadyAddresses;
    if (isPodFinished(pod) || leaving || ip === undefined) continue;
    const ports = portsOf(service, pod).map(({ name, port, protocol, appProtocol }) => ({
      ...(name ? { name } : {}),
      port: port ?? 0,
      protocol: protocol ?? "TCP",
      ...(appProtocol ? { appProtocol } : {}),
    }));
    const key = canonicalJson(ports);
    const subset = groups.get(key) ?? (ports.length > 0 ? { ports } : {});
    groups.set(key, subset);
    const hostname = hostnameOf(service, pod);
    const address = {
      ip,
      ...(hostname ? { hostname } : {}),
      ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: targetRefOf(pod),
    };
    const field = isPodReady(pod) || service.spec?.publishNotReadyAddresses ? "addresses" : "notReadyAddresses";
    subset[field] = [...(subset[field] ?? []), address];
  }
  return [...groups.values()];
}

/** True when both slices say the same of the same ports, so that one can be updated to become the other. */
export function samePorts(slice: EndpointSlice, content: SliceContent): boolean {
  return (
    slice.addressType === content.addressType &&
    canonicalJson(portless(slice.ports)) === canonicalJson(portless(content.ports))
  );
}

function portless(ports: readonly EndpointPort[] | undefined): EndpointPort[] {
  return (ports ?? []).map((port) => ({ ...port, name: port.name ?? "", protocol: port.protocol ?? "TCP" }));
}

function endpointOf(service: Service, pod: Pod, addresses: string[]): Endpoint {
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const published = service.spec?.publishNotReadyAddresses === true;
  const serving = isPodReady(pod) || published;
  const hostname = hostnameOf(service, pod);
  return {
    addresses,
    conditions: { ready: published || (serving && !terminating), serving, terminating },
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: targetRefOf(pod),
  };
}

function targetRefOf(pod: Pod): { kind: string; namespace: string; name: string; uid: string } {
  const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
  return { kind: "Pod", namespace, name, uid };
}

function hostnameOf(service: Service, pod: Pod): string | undefined {
  const here =
    pod.spec?.subdomain === service.metadata?.name && pod.metadata?.namespace === service.metadata?.namespace;
  return here ? pod.spec?.hostname : undefined;
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    return [
      {
        name: port.name ?? "",
        port: number,
        protocol: port.protocol ?? "TCP",
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      },
    ];
  });
}

/** A named port is looked up in the pod's containers (and its sidecars); undefined when none has it. */
function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const { targetPort: target = port.port, protocol = "TCP" } = port;
  if (typeof target === "number") return target;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const containers: Container[] = [...(pod.spec?.containers ?? []), ...sidecars];
  return containers
    .flatMap(({ ports = [] }) => ports)
    .find(({ name, protocol: own = "TCP" }) => name === target && own === protocol)?.containerPort;
}

function addressTypesOf(service: Service): ("IPv4" | "IPv6")[] {
  const families = (service.spec?.ipFamilies ?? []).filter((family) => family === "IPv4" || family === "IPv6");
  return families.length > 0 ? families : ["IPv4"];
}

function addressesOf(pod: Pod, type: "IPv4" | "IPv6"): string[] {
  const all = pod.status?.podIPs?.map(({ ip }) => ip ?? "") ?? [pod.status?.podIP ?? ""];
  return all.filter((ip) => ip !== "" && ip.includes(":") === (type === "IPv6"));
}

function sortedByName(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1));
}

/** True when the older object already says this; the order of addresses doesn't matter to anybody. */
export function sameSubsets(endpoints: Endpoints | undefined, subsets: readonly EndpointSubset[]): boolean {
  return endpoints !== undefined && canonicalJson(endpoints.subsets ?? []) === canonicalJson(subsets);
}
