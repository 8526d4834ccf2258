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

const tlsModeLabel = "security.istio.io/tlsMode";

/** The endpoints that one slice gives to `service`, in the slice's order. Addresses that don't take traffic are left out. */
export function sliceEndpoints(slice: EndpointSlice, service: Service, workloads: Workloads): readonly Endpoint[] {
  if (slice.addressType === "FQDN") return [];
  const result: Endpoint[] = [];
  for (const entry of slice.endpoints ?? []) {
    if (!takesTraffic(entry, service)) continue;
    const place = describe(entry, slice, workloads);
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
  const labels = pod?.metadata?.labels ?? {};
  return {
    labels,
    locality: podLocality(pod, nodes.get(node)),
    namespace: pod?.metadata?.namespace ?? (pod ? sliceNamespace : ""),
    workload: pod ? workloadName(pod) : "",
    serviceAccount: pod?.spec?.serviceAccountName ?? "",
    node,
    tlsMode: labels[tlsModeLabel] === "istio" ? "istio" : "disabled",
  };
}

/** `namespace/name` of the Service a slice belongs to. */
export function sliceService(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.["kubernetes.io/service-name"];
  return name === undefined ? undefined : `${slice.metadata?.namespace ?? ""}/${name}`;
}
