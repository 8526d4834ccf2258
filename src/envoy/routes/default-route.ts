import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Route, RouteSchema } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { ConsistentHash } from "#api/istio/destination-rule.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Protocol } from "#model/protocol.ts";
import { duration } from "../proto.ts";
import { hashPolicy } from "./hash-policy.ts";
import { routeMatch } from "./match.ts";
import { retryPolicy } from "./retry.ts";
import { timeouts } from "./route.ts";

/** Everything to one cluster: a service that no VirtualService routes. */
export function defaultOutboundRoute(
  cluster: string,
  operation: string,
  hash: ConsistentHash | undefined,
  typedPerFilterConfig: Readonly<Record<string, Any>>,
  mesh: MeshConfig,
): Route {
  const hashed = hashPolicy(hash);
  const retry = retryPolicy(mesh.defaultHttpRetryPolicy);
  return create(RouteSchema, {
    name: "default",
    match: routeMatch(undefined),
    decorator: { operation },
    typedPerFilterConfig: { ...typedPerFilterConfig },
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster },
        ...timeouts(undefined),
        ...(retry ? { retryPolicy: retry } : {}),
        ...(hashed ? { hashPolicy: [hashed] } : {}),
      },
    },
  });
}

/** Everything to the workload's own port. A retry before the request was sent hides connections that the workload closed. */
export function inboundRoute(cluster: string, operation: string, protocol: Protocol): Route {
  const grpc = protocol === "GRPC" || protocol === "GRPC-Web";
  return create(RouteSchema, {
    name: "default",
    match: routeMatch(undefined),
    decorator: { operation },
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: cluster },
        timeout: duration(0),
        maxStreamDuration: { maxStreamDuration: duration(0), grpcTimeoutHeaderMax: duration(0) },
        // Doesn't go well with gRPC's streams.
        ...(grpc ? {} : { retryPolicy: { retryOn: "reset-before-request", numRetries: 2 } }),
      },
    },
  });
}

/** Hosts that no service has: on to where the client wanted to go. */
export function passthroughRoute(cluster: string): Route {
  return create(RouteSchema, {
    name: "allow_any",
    match: routeMatch(undefined),
    action: {
      case: "route",
      value: { clusterSpecifier: { case: "cluster", value: cluster }, ...timeouts(undefined) },
    },
  });
}

/** Hosts that no service has, where only the registry may be called. */
export function blockRoute(): Route {
  return create(RouteSchema, {
    name: "block_all",
    match: routeMatch(undefined),
    action: { case: "directResponse", value: { status: 502 } },
  });
}
