import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { dynamicCluster } from "../dynamic-forward-proxy.ts";
import {
  blackHoleCluster,
  dynamicDnsCluster,
  inboundPassthroughCluster,
  passthroughCluster,
  statName,
} from "../names.ts";
import { duration } from "../proto.ts";
import { buildCluster, noLimits } from "./cluster.ts";
import { httpOptions, likeDownstream } from "./http-options.ts";

/** Inbound connections to the workload come from here, so that the capture rules let them through. */
export const inboundSource = {
  address: { address: "127.0.0.6", portSpecifier: { case: "portValue", value: 0 } },
} as const;

/** Takes connections and answers none. */
export function blackHole(mesh: MeshConfig): Cluster {
  return buildCluster(blackHoleCluster, mesh.connectTimeoutMs, {
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
  });
}

/** Goes where the client wanted to go. */
export function passthrough(mesh: MeshConfig): Cluster {
  return buildCluster(passthroughCluster, mesh.connectTimeoutMs, originalDestination(mesh));
}

/** Looks up the host that a request names. Istio: ALLOW_ANY_DYNAMIC_DNS. */
export function dynamicDns(mesh: MeshConfig): Cluster {
  return buildCluster(dynamicDnsCluster, mesh.connectTimeoutMs, {
    ...dynamicCluster(mesh),
    circuitBreakers: { thresholds: [noLimits] },
    typedExtensionProtocolOptions: httpOptions(mesh, likeDownstream),
  });
}

/** As passthrough, for what comes in on a port that no service names. */
export function inboundPassthrough(mesh: MeshConfig): Cluster {
  return buildCluster(inboundPassthroughCluster, mesh.connectTimeoutMs, {
    ...originalDestination(mesh),
    upstreamBindConfig: { sourceAddress: inboundSource.address },
  });
}

type Differences = Parameters<typeof buildCluster>[2];

function originalDestination(mesh: MeshConfig): Differences {
  return {
    altStatName: statName(passthroughCluster),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    circuitBreakers: { thresholds: [noLimits] },
    typedExtensionProtocolOptions: httpOptions(mesh, likeDownstream, {
      commonHttpProtocolOptions: { idleTimeout: duration(300_000) },
    }),
  };
}
