import { create } from "@bufbuild/protobuf";
import { CorsSchema } from "#api/envoy/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "#api/envoy/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema } from "#api/envoy/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { GrpcWebSchema } from "#api/envoy/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import { RouterSchema } from "#api/envoy/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import type { HttpFilter } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { httpFilter } from "./http-filter.ts";

export const faultFilter = "envoy.filters.http.fault";
export const corsFilter = "envoy.filters.http.cors";

/** For ports that speak gRPC-web: what comes in is gRPC from there on. */
export const grpcWebFilter: HttpFilter = httpFilter(
  "envoy.filters.http.grpc_web",
  GrpcWebSchema,
  create(GrpcWebSchema),
);

/** Before the router, in the order a request passes them. */
const commonFilters: readonly HttpFilter[] = [
  // Before all that may answer by itself, so that those answers count too.
  httpFilter(
    "envoy.filters.http.grpc_stats",
    FilterConfigSchema,
    create(FilterConfigSchema, {
      emitFilterState: true,
      perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } },
    }),
  ),
  // Idle without per-route configuration.
  httpFilter(faultFilter, HTTPFaultSchema, create(HTTPFaultSchema)),
  httpFilter(corsFilter, CorsSchema, create(CorsSchema)),
];

const router = "envoy.filters.http.router";
const plainRouter = httpFilter(router, RouterSchema, create(RouterSchema));
const quietRouter = httpFilter(router, RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true }));

/** The filters that every HTTP connection manager has; the router ends the chain. */
export function standardHttpFilters({ http: { headers } }: MeshConfig): readonly HttpFilter[] {
  return [...commonFilters, headers?.debugHeaders === false ? quietRouter : plainRouter];
}
