import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Cluster_DnsLookupFamily, Cluster_LbPolicy } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterConfigSchema } from "#api/envoy/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import {
  type DnsCacheConfig,
  DnsCacheConfigSchema,
} from "#api/envoy/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { duration } from "../proto.ts";
import type { buildCluster } from "./cluster.ts";

/** Names that one proxy keeps: a workload could ask for any number of them. */
const maxHosts = 1024;

/** The names that were resolved for a pattern, shared by the filter that finds them and the cluster that calls them. */
function dnsCache(hostname: string, mesh: MeshConfig): DnsCacheConfig {
  return create(DnsCacheConfigSchema, {
    name: hostname,
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_ONLY,
    dnsRefreshRate: duration(mesh.dnsRefreshRateMs),
    maxHosts,
  });
}

/** Calls go to the host that the request, or the TLS handshake, names. */
export function dynamicForwardProxy(hostname: string, mesh: MeshConfig): Parameters<typeof buildCluster>[2] {
  const config = create(ClusterConfigSchema, {
    clusterImplementationSpecifier: { case: "dnsCacheConfig", value: dnsCache(hostname, mesh) },
    // Plain text has no SNI and no name to check; how TLS is done is the policy's.
    allowInsecureClusterOptions: true,
  });
  return {
    clusterDiscoveryType: {
      case: "clusterType",
      value: { name: "envoy.clusters.dynamic_forward_proxy", typedConfig: anyPack(ClusterConfigSchema, config) },
    },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
  };
}
