import { create } from "@bufbuild/protobuf";
import {
  type Route,
  type VirtualHost,
  VirtualHostSchema,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";

/** As much as the webhook lets through; Envoy's own limit is 4 KiB. */
const maxDirectResponseBodySizeBytes = 1024 * 1024;

/** A route table. Clusters may come and go: a route to one that isn't there answers 503. */
export function routeConfig(name: string, virtualHosts: readonly VirtualHost[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [...virtualHosts],
    validateClusters: false,
    ignorePortInHostMatching: true,
    maxDirectResponseBodySizeBytes,
  });
}

/** `x-envoy-attempt-count` tells the called workload which try it sees. */
export function virtualHost(
  name: string,
  domains: readonly string[],
  routes: readonly Route[],
  { http: { headers } }: MeshConfig,
): VirtualHost {
  return create(VirtualHostSchema, {
    name,
    domains: [...domains],
    routes: [...routes],
    includeRequestAttemptCount: headers?.attemptCount ?? true,
  });
}
