import type { ServiceEntry, ServiceEntryPort } from "#api/istio/service-entry.ts";
import type { WorkloadEntrySpec } from "#api/istio/workload-entry.ts";
import { isWildcard } from "#model/host.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isSniffed, type Protocol, parseProtocol } from "#model/protocol.ts";
import type { Endpoint, Resolution, Service, ServicePort } from "#model/service.ts";
import { exportTo } from "#model/visibility.ts";
import { allocatedAddresses, takesAllocation } from "./allocated-addresses.ts";
import { trafficDistribution } from "./traffic-distribution.ts";
import { workloadEndpoint } from "./workload-endpoint.ts";

const resolutions: Readonly<Record<NonNullable<ServiceEntry["spec"]["resolution"]>, Resolution>> = {
  NONE: "Passthrough",
  STATIC: "ClientSideLB",
  DNS: "DNSLB",
  DNS_ROUND_ROBIN: "DNSRoundRobinLB",
  DYNAMIC_DNS: "DynamicDNS",
};

/** The services of a ServiceEntry, one for each host. Istio: convertServices. */
export function convertServiceEntry(entry: ServiceEntry, mesh: MeshConfig): readonly Service[] {
  const { metadata, spec } = entry;
  const { name = "", namespace = "" } = metadata;
  const resolution = resolutions[spec.resolution ?? "NONE"];
  const ports = (spec.ports ?? []).map((port) => convertPort(port, resolution));
  const allocated = takesAllocation(entry) ? allocatedAddresses(entry) : undefined;
  return (spec.hosts ?? []).map((host): Service => {
    const hostname = host.toLowerCase();
    return Object.freeze({
      hostname,
      name: hostname,
      namespace,
      registry: "External",
      meshExternal: spec.location !== "MESH_INTERNAL",
      addresses: (spec.addresses ?? []).map(withoutFullLength),
      autoAddresses: isWildcard(host) ? [] : (allocated?.get(host) ?? []),
      ports,
      resolution,
      selector: spec.workloadSelector?.labels ?? {},
      labels: metadata.labels ?? {},
      exportTo: exportTo(spec.exportTo, namespace, mesh.defaultServiceExportTo),
      created: Date.parse(metadata.creationTimestamp ?? "") || 0,
      aliases: [],
      subjectAltNames: spec.subjectAltNames ?? [],
      ownEndpoints: ownEndpoints(entry, hostname, name, namespace, resolution),
      trafficDistribution: trafficDistribution(undefined, metadata.annotations),
      headless: false,
      publishNotReady: false,
    });
  });
}

function convertPort(
  { name, number, protocol = "", targetPort }: ServiceEntryPort,
  resolution: Resolution,
): ServicePort {
  const parsed: Protocol = parseProtocol(protocol);
  return {
    name,
    port: number,
    // Names that aren't known were let through by older validation: they are found out at run time.
    protocol: isSniffed(parsed) ? "Unsupported" : parsed,
    targetPort: targetPort || number,
    ...(resolution === "Passthrough" && targetPort ? { passthroughPort: targetPort } : {}),
  };
}

/** `1.2.3.4/32` is an address like any other. */
function withoutFullLength(address: string): string {
  return address.replace(address.includes(":") ? /\/128$/ : /\/32$/, "");
}

function ownEndpoints(
  { spec }: ServiceEntry,
  hostname: string,
  name: string,
  namespace: string,
  resolution: Resolution,
): readonly Endpoint[] {
  const { endpoints = [], ports = [], workloadSelector } = spec;
  const byName = resolution === "DNSLB" || resolution === "DNSRoundRobinLB";
  // Without endpoints the host itself is what is resolved.
  const self: readonly WorkloadEntrySpec[] =
    endpoints.length === 0 && byName && !workloadSelector ? [{ address: hostname }] : endpoints;
  const isSelf = self !== endpoints;
  return self.flatMap((workload, index) =>
    ports.flatMap((port) => {
      const identity = { name: isSelf ? name : `${name}-${index}`, namespace };
      return workloadEndpoint(workload, convertPort(port, resolution), identity) ?? [];
    }),
  );
}
