import { isIPv6 } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  TcpProxy,
  TcpProxySchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { TrafficPolicy } from "#api/istio/destination-rule.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import { effectivePolicy } from "../clusters/traffic-policy.ts";
import { durationOf } from "../proto.ts";

type Init = Exclude<MessageInitShape<typeof TcpProxySchema>, TcpProxy>;

/** What a DestinationRule says of connections rather than of the cluster they go to. */
export type TcpSettings = Pick<
  Init,
  "idleTimeout" | "maxDownstreamConnectionDuration" | "hashPolicy" | "tunnelingConfig"
>;

/**
 * The settings for connections to one destination. Istio: buildOutboundNetworkFiltersWithSingleDestination, where a subset
 * doesn't take over the tunnel of the whole rule.
 */
export function tcpSettings(rule: DestinationPolicy | undefined, subsetName: string, port: number): TcpSettings {
  const subset = rule?.subsets.find(({ name }) => name === subsetName)?.trafficPolicy ?? undefined;
  const policy = effectivePolicy(rule?.trafficPolicy, subset, port);
  const { idleTimeout, maxConnectionDuration } = policy.connectionPool?.tcp ?? {};
  const idle = durationOf(idleTimeout);
  const longest = durationOf(maxConnectionDuration);
  const tunnel = subsetName === "" ? policy.tunnel : subset?.tunnel;
  return {
    ...(idle ? { idleTimeout: idle } : {}),
    ...(longest ? { maxDownstreamConnectionDuration: longest } : {}),
    ...(policy.loadBalancer?.consistentHash?.useSourceIp ? { hashPolicy: [bySourceIp] } : {}),
    ...(tunnel ? { tunnelingConfig: tunneling(tunnel) } : {}),
  };
}

const bySourceIp = { policySpecifier: { case: "sourceIp", value: {} } } as const;

function tunneling({ protocol, targetHost, targetPort }: NonNullable<TrafficPolicy["tunnel"]>) {
  const host = isIPv6(targetHost) ? `[${targetHost}]` : targetHost;
  return { hostname: `${host}:${targetPort}`, usePost: protocol === "POST" };
}
