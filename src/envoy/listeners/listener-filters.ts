import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
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

function filter(name: string, config: Any, disabledOn: readonly number[] = []): ListenerFilter {
  const filterDisabled = ports(disabledOn);
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
export function tlsInspector(disabledOn: readonly number[] = []): ListenerFilter {
  return filter("envoy.filters.listener.tls_inspector", tlsInspectorConfig, disabledOn);
}

/** Tells HTTP from the rest. */
export function httpInspector(disabledOn: readonly number[] = []): ListenerFilter {
  return filter("envoy.filters.listener.http_inspector", httpInspectorConfig, disabledOn);
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
