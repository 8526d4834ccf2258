import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { TransportSocket } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import {
  type Filter,
  type FilterChain,
  type FilterChainMatch,
  type FilterChainMatchSchema,
  FilterChainSchema,
} from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { duration } from "../proto.ts";

export type ChainMatch = Exclude<MessageInitShape<typeof FilterChainMatchSchema>, FilterChainMatch>;

/** Plain-text HTTP, as the HTTP inspector reports it. */
export const plainHttp: ChainMatch = { applicationProtocols: ["http/1.1", "h2c"], transportProtocol: "raw_buffer" };

/** A filter chain of an outbound listener or a gateway. `tls` opens what comes in before the filters see it. */
export function chain(filters: readonly Filter[], match?: ChainMatch, tls?: TransportSocket): FilterChain {
  return create(FilterChainSchema, {
    filters: [...filters],
    transportSocketConnectTimeout: duration(15_000),
    ...(match ? { filterChainMatch: match } : {}),
    ...(tls ? { transportSocket: tls } : {}),
  });
}

/** A filter chain of the inbound listener, or one of the fixed ones. */
export function namedChain(
  name: string,
  filters: readonly Filter[],
  match?: ChainMatch,
  tls?: TransportSocket,
): FilterChain {
  return create(FilterChainSchema, {
    name,
    filters: [...filters],
    ...(match ? { filterChainMatch: match } : {}),
    ...(tls ? { transportSocket: tls } : {}),
  });
}
