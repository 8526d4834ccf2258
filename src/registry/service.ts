import type { Service as KubeService, ServicePort as KubeServicePort } from "kubernetes-types/core/v1.d.ts";
import { serviceHostname } from "#model/host.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { portProtocol } from "#model/protocol.ts";
import type { Resolution, Service, ServicePort } from "#model/service.ts";
import { exportTo } from "#model/visibility.ts";
import { trafficDistribution } from "./traffic-distribution.ts";
import { workloadEndpoint } from "./workload-endpoint.ts";

const exportToAnnotation = "networking.istio.io/exportTo";

/** A Kubernetes Service as the mesh sees it; `undefined` when it can't be called (no name, no ports). */
export function convertService(service: KubeService, clusterDomain: string, mesh: MeshConfig): Service | undefined {
  const { name, namespace } = service.metadata ?? {};
  const spec = service.spec;
  if (name === undefined || namespace === undefined || spec === undefined) return undefined;
  const headless = spec.clusterIP === "None";
  const external = spec.type === "ExternalName" ? spec.externalName : undefined;
  const resolution: Resolution = external !== undefined ? "DNSLB" : headless ? "Passthrough" : "ClientSideLB";
  const addresses = [...new Set([spec.clusterIP, ...(spec.clusterIPs ?? [])])].filter(
    (address): address is string => address !== undefined && address !== "" && address !== "None",
  );
  const ports = (spec.ports ?? []).map(convertPort);
  return Object.freeze({
    hostname: serviceHostname(name, namespace, clusterDomain),
    name,
    namespace,
    registry: "Kubernetes",
    meshExternal: false,
    addresses,
    autoAddresses: [],
    ports,
    resolution,
    selector: spec.selector ?? {},
    labels: service.metadata?.labels ?? {},
    exportTo: exportTo(service.metadata?.annotations?.[exportToAnnotation], namespace, mesh.defaultServiceExportTo),
    created: Date.parse(service.metadata?.creationTimestamp ?? "") || 0,
    ...(external === undefined ? {} : { externalName: external }),
    aliases: [],
    subjectAltNames: [],
    ownEndpoints:
      external === undefined
        ? []
        : ports.flatMap((port) => workloadEndpoint({ address: external }, port, { name, namespace }) ?? []),
    trafficDistribution: trafficDistribution(
      (spec as { readonly trafficDistribution?: string }).trafficDistribution,
      service.metadata?.annotations,
    ),
    headless,
    publishNotReady: spec.publishNotReadyAddresses ?? false,
  });
}

function convertPort(port: KubeServicePort): ServicePort {
  return {
    name: port.name ?? "",
    port: port.port,
    protocol: portProtocol(port),
    targetPort: port.targetPort === undefined || port.targetPort === 0 ? port.port : port.targetPort,
  };
}
