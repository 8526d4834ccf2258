import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";

/** What the zone is made of; reads are of the moment. */
export interface ZoneData {
  service(key: string): Service | undefined;
  services(): Iterable<Service>;
  slices(key: string): readonly EndpointSlice[];
  hasNamespace(name: string): boolean;
}

export type ZoneAnswer =
  /** The name isn't in the zone: somebody else has to be asked. */
  | { readonly kind: "elsewhere" }
  | { readonly kind: "missing" }
  /** The name is there; an empty list means that it has no record of the type asked for. */
  | { readonly kind: "records"; readonly records: readonly ZoneRecord[] }
  /** An ExternalName Service. */
  | { readonly kind: "alias"; readonly target: string };

type ZoneRecord =
  | { readonly type: "A"; readonly name?: string; readonly data: string }
  | {
      readonly type: "SRV";
      readonly data: { readonly priority: 0; readonly weight: number; readonly port: number; readonly target: string };
    }
  | { readonly type: "PTR"; readonly data: string };

const missing: ZoneAnswer = { kind: "missing" };
const elsewhere: ZoneAnswer = { kind: "elsewhere" };
const noData: ZoneAnswer = { kind: "records", records: [] };

/**
 * Answers for a cluster's names as "Kubernetes DNS-Based Service Discovery" (schema 1.1.0) has them: services,
 * headless services, their endpoints and ports, pods by address, and the reverse.
 * `name` is in lower case without the final dot, `type` as in `A`.
 */
export function lookUp(data: ZoneData, domain: string, name: string, type: string): ZoneAnswer {
  if (name.endsWith(".in-addr.arpa")) return reverse(data, domain, name, type);
  if (name === domain) return noData;
  if (!name.endsWith(`.${domain}`)) return elsewhere;
  const labels = name.slice(0, -domain.length - 1).split(".");
  const kind = labels.pop();
  if (kind === "pod") return podByAddress(data, labels, type);
  if (kind !== "svc") return missing;
  if (labels.length === 0) return noData;
  const namespace = labels.pop() ?? "";
  if (labels.length === 0) return data.hasNamespace(namespace) ? noData : missing;
  const key = `${namespace}/${labels.pop()}`;
  const service = data.service(key);
  if (!service) return missing;
  return ofService(service, data.slices(key), labels, type, name);
}

function ofService(
  service: Service,
  slices: readonly EndpointSlice[],
  /** What stands before the Service's name. */
  labels: readonly string[],
  type: string,
  name: string,
): ZoneAnswer {
  const { type: serviceType, externalName, clusterIP = "" } = service.spec ?? {};
  if (serviceType === "ExternalName")
    return externalName && labels.length === 0 ? { kind: "alias", target: externalName } : missing;
  const headless = clusterIP === "None" || clusterIP === "";
  if (labels.length === 0) {
    if (type === "SRV") return records(allPorts(service, slices, headless, name));
    const addresses = headless ? readyEndpoints(slices).map(({ ip }) => ip) : [clusterIP];
    // A headless Service without endpoints doesn't exist for CoreDNS either.
    if (addresses.length === 0) return missing;
    return records(type === "A" ? addresses.map((ip) => ({ type, data: ip })) : []);
  }
  const [first = "", second = ""] = labels;
  if (labels.length === 2 && first.startsWith("_") && second.startsWith("_")) {
    const base = name.slice(first.length + second.length + 2);
    const found = allPorts(service, slices, headless, base, first.slice(1), second.slice(1));
    return found.length === 0 ? missing : records(type === "SRV" ? found : []);
  }
  if (labels.length !== 1 || !headless) return missing;
  const found = readyEndpoints(slices).filter((endpoint) => endpoint.host === first);
  if (found.length === 0) return missing;
  return records(type === "A" ? found.map(({ ip }) => ({ type, data: ip })) : []);
}

interface ReadyEndpoint {
  readonly ip: string;
  /** Its name below the Service's. */
  readonly host: string;
  readonly ports: NonNullable<EndpointSlice["ports"]>;
}

function readyEndpoints(slices: readonly EndpointSlice[]): readonly ReadyEndpoint[] {
  return slices
    .filter(({ addressType }) => addressType === "IPv4")
    .flatMap(({ endpoints, ports = [] }) =>
      (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses, hostname }) =>
          addresses.map((ip) => ({ ip, host: hostname ?? ip.replaceAll(".", "-"), ports })),
        ),
    );
}

function allPorts(
  service: Service,
  slices: readonly EndpointSlice[],
  headless: boolean,
  base: string,
  portName?: string,
  protocol?: string,
): readonly ZoneRecord[] {
  const wanted = (port: { name?: string; protocol?: string }) =>
    port.name &&
    (portName === undefined || port.name.toLowerCase() === portName) &&
    (protocol === undefined || (port.protocol ?? "TCP").toLowerCase() === protocol);
  const srv = (port: number, target: string): ZoneRecord => ({
    type: "SRV",
    data: { priority: 0, weight: 100, port, target },
  });
  if (!headless) return (service.spec?.ports ?? []).filter(wanted).map((port) => srv(port.port, base));
  return readyEndpoints(slices).flatMap(({ host, ports }) =>
    ports.filter(wanted).flatMap((port) => (port.port ? [srv(port.port, `${host}.${base}`)] : [])),
  );
}

/** `10-176-0-2.default.pod`: the address is in the name, whether there is such a pod or not (CoreDNS: `pods insecure`). */
function podByAddress(data: ZoneData, labels: readonly string[], type: string): ZoneAnswer {
  const [dashed = "", namespace = ""] = labels;
  if (labels.length === 0) return noData;
  if (labels.length === 1) return data.hasNamespace(dashed) ? noData : missing;
  if (labels.length !== 2 || !data.hasNamespace(namespace) || !/^\d{1,3}(-\d{1,3}){3}$/.test(dashed)) return missing;
  return records(type === "A" ? [{ type, data: dashed.replaceAll("-", ".") }] : []);
}

function reverse(data: ZoneData, domain: string, name: string, type: string): ZoneAnswer {
  const ip = name.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
  for (const service of data.services()) {
    const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
    const base = `${service.metadata?.name}.${service.metadata?.namespace}.svc.${domain}`;
    const host =
      service.spec?.clusterIP === ip
        ? base
        : service.spec?.clusterIP === "None"
          ? readyEndpoints(data.slices(key))
              .filter((endpoint) => endpoint.ip === ip)
              .map((endpoint) => `${endpoint.host}.${base}`)[0]
          : undefined;
    if (host) return records(type === "PTR" ? [{ type, data: host }] : []);
  }
  return elsewhere;
}

function records(list: readonly ZoneRecord[]): ZoneAnswer {
  return { kind: "records", records: list };
}
