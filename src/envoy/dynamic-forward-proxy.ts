import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Cluster_DnsLookupFamily, Cluster_LbPolicy } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { type Filter, FilterSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ClusterConfigSchema } from "#api/envoy/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import {
  type DnsCacheConfig,
  DnsCacheConfigSchema,
} from "#api/envoy/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js";
import { FilterConfigSchema as HttpConfigSchema } from "#api/envoy/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { FilterConfigSchema as SniConfigSchema } from "#api/envoy/gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { buildCluster } from "./clusters/cluster.ts";
import { duration } from "./proto.ts";

/*
 * Calls that go to the name that they say themselves: of ServiceEntries with resolution DYNAMIC_DNS (patterns), and of hosts that
 * nobody knows where the mesh says ALLOW_ANY_DYNAMIC_DNS. A filter has the name looked up before the cluster is asked for a
 * connection.
 */

/** Names that one proxy keeps: a workload could ask for any number of them. */
const maxHosts = 1024;

/** What was looked up, shared by the filters and the clusters. */
function dnsCache(mesh: MeshConfig): DnsCacheConfig {
  return create(DnsCacheConfigSchema, {
    name: "dynamic",
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_ONLY,
    dnsRefreshRate: duration(mesh.dnsRefreshRateMs),
    maxHosts,
  });
}

/** Calls go to the host that the request, or the TLS handshake, names. */
export function dynamicCluster(mesh: MeshConfig): Parameters<typeof buildCluster>[2] {
  const config = create(ClusterConfigSchema, {
    clusterImplementationSpecifier: { case: "dnsCacheConfig", value: dnsCache(mesh) },
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

/** Looks up the host of requests; does nothing for those that go to other clusters. */
export function dynamicHttpFilter(mesh: MeshConfig): HttpFilter {
  const config = create(HttpConfigSchema, {
    implementationSpecifier: { case: "dnsCacheConfig", value: dnsCache(mesh) },
  });
  return create(HttpFilterSchema, {
    name: "envoy.filters.http.dynamic_forward_proxy",
    configType: { case: "typedConfig", value: anyPack(HttpConfigSchema, config) },
  });
}

/** Looks up the name that the TLS handshake asks for. */
export function dynamicSniFilter(port: number, mesh: MeshConfig): Filter {
  const config = create(SniConfigSchema, {
    dnsCacheConfig: dnsCache(mesh),
    portSpecifier: { case: "portValue", value: port },
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.sni_dynamic_forward_proxy",
    configType: { case: "typedConfig", value: anyPack(SniConfigSchema, config) },
  });
}
