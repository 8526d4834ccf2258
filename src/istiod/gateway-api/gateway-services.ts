import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { GatewayApiInput, GatewayService } from "#gateway-api/input.ts";
import type { InputObjects } from "#snapshot/input.ts";

const managedLabel = "gateway.istio.io/managed";
const serviceNameLabel = "kubernetes.io/service-name";

/** Finds the services under a hostname: the Service of Kubernetes, or entries of the mesh's registry. */
export function servicesNamed(objects: InputObjects, clusterDomain: string): GatewayApiInput["servicesNamed"] {
  let slices: Map<string, EndpointSlice[]> | undefined;
  return (hostname) => {
    const [name = "", namespace = ""] = hostname.split(".");
    const service =
      hostname === `${name}.${namespace}.svc.${clusterDomain}`
        ? objects.services.get(`${namespace}/${name}`)
        : undefined;
    const found = service === undefined ? [] : [fromService(service, (slices ??= byService(objects)))];
    const entries = [...objects.serviceEntries.values()].filter(({ spec }) => spec.hosts?.includes(hostname));
    return [
      ...found,
      ...entries.map(({ metadata, spec }): GatewayService => {
        const ports = (spec.ports ?? []).map((port) => port.number ?? 0);
        return {
          namespace: metadata.namespace ?? "",
          ports,
          endpoints: ports.map((port) => ({ port, targetPort: port })),
          addresses: spec.addresses ?? [],
          external: [],
          isLoadBalancer: false,
          isManaged: false,
        };
      }),
    ];
  };
}

function byService({ endpointSlices }: InputObjects): Map<string, EndpointSlice[]> {
  const result = new Map<string, EndpointSlice[]>();
  for (const slice of endpointSlices.values()) {
    const key = `${slice.metadata?.namespace}/${slice.metadata?.labels?.[serviceNameLabel]}`;
    const list = result.get(key) ?? [];
    result.set(key, list);
    list.push(slice);
  }
  return result;
}

function fromService(service: Service, slices: ReadonlyMap<string, readonly EndpointSlice[]>): GatewayService {
  const { metadata, spec, status } = service;
  const ports = spec?.ports ?? [];
  const endpoints = (slices.get(`${metadata?.namespace}/${metadata?.name}`) ?? []).flatMap((slice) => {
    const isReady = slice.endpoints?.some(({ conditions }) => conditions?.ready ?? true) ?? false;
    if (!isReady) return [];
    return (slice.ports ?? []).flatMap(({ name = "", port: targetPort = 0 }) =>
      ports.filter((port) => (port.name ?? "") === name).map(({ port }) => ({ port, targetPort })),
    );
  });
  const isLoadBalancer = spec?.type === "LoadBalancer";
  const ingress = isLoadBalancer ? (status?.loadBalancer?.ingress ?? []) : [];
  return {
    namespace: metadata?.namespace ?? "",
    ports: ports.map(({ port }) => port),
    endpoints,
    addresses: (spec?.clusterIPs ?? [spec?.clusterIP ?? ""]).filter((address) => address !== "" && address !== "None"),
    external: [...ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []), ...(spec?.externalIPs ?? [])],
    isLoadBalancer,
    isManaged: metadata?.labels?.[managedLabel] !== undefined,
  };
}
