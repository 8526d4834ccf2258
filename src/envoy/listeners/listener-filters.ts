import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type FilterChain,
  type ListenerFilter,
  type ListenerFilterChainMatchPredicate,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { HttpInspectorSchema } from "#api/envoy/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "#api/envoy/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { ProxyProtocolSchema } from "#api/envoy/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import { TlsInspectorSchema } from "#api/envoy/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";

const originalDstConfig = anyPack(OriginalDstSchema, create(OriginalDstSchema));
const tlsInspectorConfig = anyPack(TlsInspectorSchema, create(TlsInspectorSchema, { initialReadBufferSize: 512 }));
const httpInspectorConfig = anyPack(HttpInspectorSchema, create(HttpInspectorSchema));

function filter(name: string, config: Any, filterDisabled?: ListenerFilterChainMatchPredicate): ListenerFilter {
  return create(ListenerFilterSchema, {
    name,
    configType: { case: "typedConfig", value: config },
    ...(filterDisabled ? { filterDisabled } : {}),
  });
}

/** Finds out where a captured connection wanted to go. */
export function originalDestination(): ListenerFilter {
  return filter("envoy.filters.listener.original_dst", originalDstConfig);
}

/** Reads the PROXY header that whoever stands in front writes. */
export function proxyProtocol(): ListenerFilter {
  return filter("envoy.filters.listener.proxy_protocol", anyPack(ProxyProtocolSchema, create(ProxyProtocolSchema)));
}

/** Tells TLS from the rest and reads SNI and ALPN. Starts small: a ClientHello mostly fits in 512 bytes. */
export function tlsInspector(filterDisabled?: ListenerFilterChainMatchPredicate): ListenerFilter {
  return filter("envoy.filters.listener.tls_inspector", tlsInspectorConfig, filterDisabled);
}

/** Tells HTTP from the rest. */
export function httpInspector(filterDisabled?: ListenerFilterChainMatchPredicate): ListenerFilter {
  return filter("envoy.filters.listener.http_inspector", httpInspectorConfig, filterDisabled);
}

/**
 * The inspectors that chains need to be told apart, each off on the ports where it has nothing to tell: who looks waits for the first word of
 * the client, and some servers speak first. Istio: populateListenerFilters.
 */
export function inspectorsFor(chains: readonly FilterChain[]): readonly ListenerFilter[] {
  const forTls = new Map<number, boolean>();
  const forHttp = new Map<number, boolean>();
  for (const { filterChainMatch } of chains) {
    const { destinationPort: port = otherPorts, transportProtocol, applicationProtocols = [] } = filterChainMatch ?? {};
    const http = transportProtocol === "raw_buffer" && applicationProtocols.length > 0;
    forTls.set(port, (forTls.get(port) ?? false) || transportProtocol === "tls");
    forHttp.set(port, (forHttp.get(port) ?? false) || http);
  }
  // The HTTP inspector comes second: it leaves alone what is TLS.
  return [
    ...(needed(forTls) ? [tlsInspector(disabledOn(forTls))] : []),
    ...(needed(forHttp) ? [httpInspector(disabledOn(forHttp))] : []),
  ];
}

/** Stands for the ports that no chain names. */
const otherPorts = 0;

function needed(inspected: ReadonlyMap<number, boolean>): boolean {
  return [...inspected.values()].includes(true);
}

function disabledOn(inspected: ReadonlyMap<number, boolean>): ListenerFilterChainMatchPredicate | undefined {
  const byDefault = inspected.get(otherPorts) ?? false;
  const exceptions = [...inspected].filter(([port, is]) => port !== otherPorts && is !== byDefault);
  const predicate = ports(exceptions.map(([port]) => port).sort((a, b) => a - b));
  if (byDefault || predicate === undefined) return predicate;
  return create(ListenerFilterChainMatchPredicateSchema, { rule: { case: "notMatch", value: predicate } });
}

function ports(numbers: readonly number[]): ListenerFilterChainMatchPredicate | undefined {
  const rules = numbers.map((start) =>
    create(ListenerFilterChainMatchPredicateSchema, {
      rule: { case: "destinationPortRange", value: { start, end: start + 1 } },
    }),
  );
  if (rules.length <= 1) return rules[0];
  return create(ListenerFilterChainMatchPredicateSchema, { rule: { case: "orMatch", value: { rules } } });
}
