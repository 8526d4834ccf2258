import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ConnectionPool } from "#api/istio/destination-rule.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp2, isSniffed } from "#model/protocol.ts";
import type { Service } from "#model/service.ts";
import type { IngressTarget, ServiceTarget } from "#snapshot/targets.ts";
import { addressOf } from "../endpoints/assignment.ts";
import { clusterName } from "../names.ts";
import { duration } from "../proto.ts";
import { buildCluster, noLimits } from "./cluster.ts";
import { connectionPool } from "./connection-pool.ts";
import { inboundSource } from "./fixed.ts";
import { http2, httpOptions, likeDownstream } from "./http-options.ts";

/** Longest duration Envoy takes, in seconds: the one host of an inbound cluster is never forgotten. */
const never = duration(9_223_372_035_000);

/**
 * The cluster of one port of the workload itself. `services` all serve on it, the first names it; `pool` limits what reaches the
 * workload. Istio: buildInboundCluster.
 */
export function inboundCluster(
  target: ServiceTarget,
  services: readonly Service[],
  pool: ConnectionPool | undefined,
  mesh: MeshConfig,
): Cluster {
  const { port, targetPort, ingress } = target;
  const name = clusterName("inbound", targetPort, "", "");
  const limits = pool === undefined ? undefined : connectionPool({ connectionPool: pool }, port, "sidecar", mesh, {});
  const { http2: _http2, ...limited } = limits ?? { http2: false };
  return buildCluster(name, mesh.connectTimeoutMs, {
    commonLbConfig: {},
    circuitBreakers: { thresholds: [noLimits] },
    metadata: { filterMetadata: { istio: { services: services.map(serviceMetadata) } } },
    typedExtensionProtocolOptions: httpOptions(
      mesh,
      isHttp2(port.protocol) ? http2 : isSniffed(port.protocol) ? likeDownstream : undefined,
    ),
    ...limited,
    ...destination(name, ingress?.endpoint ?? loopback(targetPort, mesh)),
  });
}

/** Istio: inboundTrafficPolicy LOCALHOST: the workload is on loopback, whatever address was called. */
function loopback(port: number, mesh: MeshConfig): IngressTarget["endpoint"] {
  return mesh.inboundTrafficMode === "LOCALHOST" ? { address: "127.0.0.1", port } : undefined;
}

/** Where the workload listens: where the client wanted to go, unless a Sidecar says it. */
function destination(name: string, endpoint: IngressTarget["endpoint"]): Partial<Parameters<typeof buildCluster>[2]> {
  if (endpoint === undefined) {
    return {
      clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
      cleanupInterval: never,
      upstreamBindConfig: { sourceAddress: inboundSource.address },
    };
  }
  const isLocal = endpoint.port === 0 || endpoint.address === "127.0.0.1" || endpoint.address === "::1";
  return {
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: { address: addressOf(endpoint) } } } }],
        },
      ],
    },
    // The capture rules would send what goes to the pod's own address back to the proxy.
    ...(isLocal ? {} : { upstreamBindConfig: { sourceAddress: inboundSource.address } }),
  };
}

/** How a cluster's metadata names a service. */
export function serviceMetadata(service: Service): { host: string; name: string; namespace: string } {
  return { host: service.hostname, name: service.name, namespace: service.namespace };
}
