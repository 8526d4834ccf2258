import { create } from "@bufbuild/protobuf";
import { VirtualHostSchema } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import type { Protocol } from "#model/protocol.ts";
import { inboundRoute } from "./default-route.ts";

/** The one route of an inbound chain. `hostname` and `port` say what is called, for traces. */
export function inboundRouteConfig(
  cluster: string,
  hostname: string,
  port: number,
  protocol: Protocol,
): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      create(VirtualHostSchema, {
        name: `inbound|http|${port}`,
        domains: ["*"],
        routes: [inboundRoute(cluster, `${hostname}:${port}/*`, protocol)],
      }),
    ],
  });
}
