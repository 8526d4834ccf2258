import { create, toBinary } from "@bufbuild/protobuf";
import { type VirtualHost, VirtualHostSchema } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { memo } from "#model/memo.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";

const virtualHosts: number = RouteConfigurationSchema.field.virtualHosts.number;

/** A virtual host as a field of its table. */
const encodedHost = memo(
  (host: VirtualHost): Uint8Array => new WireWriter().bytes(virtualHosts, toBinary(VirtualHostSchema, host)).finish(),
);

/**
 * An encoded table, in pieces. Each virtual host is encoded once as long as it is the same object: of a large table that changes in
 * one host, the rest is there already.
 */
export function encodeTable(table: RouteConfiguration): readonly Uint8Array[] {
  const rest = create(RouteConfigurationSchema, { ...table, virtualHosts: [] });
  return [toBinary(RouteConfigurationSchema, rest), ...table.virtualHosts.map((host) => encodedHost(host))];
}
