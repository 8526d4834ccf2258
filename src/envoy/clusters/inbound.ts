import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp2, isSniffed } from "#model/protocol.ts";
import type { Service } from "#model/service.ts";
import type { ServiceTarget } from "#snapshot/targets.ts";
import { clusterName } from "../names.ts";
import { duration } from "../proto.ts";
import { buildCluster, noLimits } from "./cluster.ts";
import { inboundSource } from "./fixed.ts";
import { http2, httpOptions, likeDownstream } from "./http-options.ts";

/** Longest duration Envoy takes, in seconds: the one host of an inbound cluster is never forgotten. */
const never = duration(9_223_372_035_000);

/** The cluster of one port of the workload itself. `services` all serve on it, the first names it. */
export function inboundCluster(target: ServiceTarget, services: readonly Service[], mesh: MeshConfig): Cluster {
  const { protocol } = target.port;
  return buildCluster(clusterName("inbound", target.targetPort, "", ""), mesh.connectTimeoutMs, {
    ...(mesh.inboundTrafficMode === "LOCALHOST" ? loopback(target.targetPort) : calledAddress),
    commonLbConfig: {},
    circuitBreakers: { thresholds: [noLimits] },
    metadata: { filterMetadata: { istio: { services: services.map(serviceMetadata) } } },
    typedExtensionProtocolOptions: httpOptions(
      isHttp2(protocol) ? http2 : isSniffed(protocol) ? likeDownstream : undefined,
    ),
  });
}

/** The workload at the address that was called. */
const calledAddress = {
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  cleanupInterval: never,
  upstreamBindConfig: { sourceAddress: inboundSource.address },
} as const;

/** The workload on loopback, whatever address was called. Istio: inboundTrafficPolicy LOCALHOST. */
function loopback(port: number): Parameters<typeof buildCluster>[2] {
  const portSpecifier = { case: "portValue", value: port } as const;
  const address = { address: { case: "socketAddress", value: { address: "127.0.0.1", portSpecifier } } } as const;
  const endpoint = { hostIdentifier: { case: "endpoint", value: { address } } } as const;
  return {
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    loadAssignment: { clusterName: clusterName("inbound", port, "", ""), endpoints: [{ lbEndpoints: [endpoint] }] },
  };
}

/** How a cluster's metadata names a service. */
export function serviceMetadata(service: Service): { host: string; name: string; namespace: string } {
  return { host: service.hostname, name: service.name, namespace: service.namespace };
}
