import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Filter, FilterSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type TcpProxy,
  TcpProxySchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { accessLogs } from "./access-log.ts";
import type { TcpSettings } from "./tcp-settings.ts";

export interface TcpDestination {
  readonly cluster: string;
  readonly weight: number;
}

/** Joins the connection to one cluster, or to one of several by weight. The first names the statistics. */
export function tcpProxy(
  destinations: readonly TcpDestination[],
  mesh: MeshConfig,
  statPrefix: string,
  settings: TcpSettings = {},
): Filter {
  const [only, ...others] = destinations;
  const clusterSpecifier: Exclude<MessageInitShape<typeof TcpProxySchema>, TcpProxy>["clusterSpecifier"] =
    only !== undefined && others.length === 0
      ? { case: "cluster", value: only.cluster }
      : {
          case: "weightedClusters",
          value: { clusters: destinations.map(({ cluster, weight }) => ({ name: cluster, weight })) },
        };
  const config = create(TcpProxySchema, {
    statPrefix,
    clusterSpecifier,
    accessLog: [...accessLogs(mesh)],
    ...settings,
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.tcp_proxy",
    configType: { case: "typedConfig", value: anyPack(TcpProxySchema, config) },
  });
}

/** Joins the connection to one cluster, which also names the statistics. */
export function tcpProxyTo(cluster: string, mesh: MeshConfig, settings: TcpSettings = {}): Filter {
  return tcpProxy([{ cluster, weight: 1 }], mesh, cluster, settings);
}
