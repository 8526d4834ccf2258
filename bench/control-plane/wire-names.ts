import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { Cluster_DiscoveryType, ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { typeUrls } from "#xds/resource.ts";

/** What Envoy asks for next because of a resource: a cluster's endpoints, a listener's route tables. `any` is encoded. */
export function namedBy(typeUrl: string, any: Uint8Array): readonly string[] {
  if (typeUrl === typeUrls.cluster) return endpointsOf(any);
  return typeUrl === typeUrls.listener ? routesOf(any) : [];
}

function endpointsOf(any: Uint8Array): readonly string[] {
  const cluster = fromBinary(ClusterSchema, fromBinary(AnySchema, any).value);
  const { clusterDiscoveryType: type } = cluster;
  if (type.case !== "type" || type.value !== Cluster_DiscoveryType.EDS) return [];
  return [cluster.edsClusterConfig?.serviceName || cluster.name];
}

function routesOf(any: Uint8Array): readonly string[] {
  const listener = fromBinary(ListenerSchema, fromBinary(AnySchema, any).value);
  const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
  return chains.flatMap(({ filters }) =>
    filters.flatMap(({ configType }) => {
      if (configType.case !== "typedConfig" || !configType.value.typeUrl.endsWith(".HttpConnectionManager")) return [];
      const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, configType.value.value);
      return routeSpecifier.case === "rds" ? [routeSpecifier.value.routeConfigName] : [];
    }),
  );
}
