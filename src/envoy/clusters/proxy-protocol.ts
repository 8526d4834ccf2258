import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version } from "#api/envoy/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "#api/envoy/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import type { TrafficPolicy } from "#api/istio/destination-rule.ts";
import { plainText } from "../tls/plain.ts";

/** A PROXY header, which tells the server the client's address, before what `inner` sends. Istio: applyUpstreamProxyProtocol. */
export function proxyProtocol(
  { version }: NonNullable<TrafficPolicy["proxyProtocol"]>,
  inner: TransportSocket | undefined,
): TransportSocket {
  const config = create(ProxyProtocolUpstreamTransportSchema, {
    config: { version: version === "V2" ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1 },
    transportSocket: inner ?? plainText,
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    configType: { case: "typedConfig", value: anyPack(ProxyProtocolUpstreamTransportSchema, config) },
  });
}
