import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { CorsSchema } from "#api/envoy/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "#api/envoy/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema } from "#api/envoy/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { GrpcWebSchema } from "#api/envoy/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import { RouterSchema } from "#api/envoy/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { extension } from "../proto.ts";

export const faultFilter = "envoy.filters.http.fault";
export const corsFilter = "envoy.filters.http.cors";

function filter<Desc extends DescMessage>(name: string, schema: Desc, config: MessageShape<Desc>): HttpFilter {
  const { typedConfig } = extension(name, schema, config);
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: typedConfig } });
}

/** For ports that speak gRPC-web: what comes in is gRPC from there on. */
export const grpcWebFilter: HttpFilter = filter("envoy.filters.http.grpc_web", GrpcWebSchema, create(GrpcWebSchema));

/** The filters that every HTTP connection manager has, in the order a request passes them. */
export const standardHttpFilters: readonly HttpFilter[] = [
  // Before all that may answer by itself, so that those answers count too.
  filter(
    "envoy.filters.http.grpc_stats",
    FilterConfigSchema,
    create(FilterConfigSchema, {
      emitFilterState: true,
      perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } },
    }),
  ),
  // Idle without per-route configuration.
  filter(faultFilter, HTTPFaultSchema, create(HTTPFaultSchema)),
  filter(corsFilter, CorsSchema, create(CorsSchema)),
  // Ends the chain.
  filter("envoy.filters.http.router", RouterSchema, create(RouterSchema)),
];
