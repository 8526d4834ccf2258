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
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    cleanupInterval: never,
    commonLbConfig: {},
    circuitBreakers: { thresholds: [noLimits] },
    upstreamBindConfig: { sourceAddress: inboundSource.address },
    metadata: { filterMetadata: { istio: { services: services.map(serviceMetadata) } } },
    typedExtensionProtocolOptions: httpOptions(
      isHttp2(protocol) ? http2 : isSniffed(protocol) ? likeDownstream : undefined,
    ),
  });
}

/** How a cluster's metadata names a service. */
export function serviceMetadata(service: Service): { host: string; name: string; namespace: string } {
  return { host: service.hostname, name: service.name, namespace: service.namespace };
}
