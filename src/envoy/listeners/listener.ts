import { create } from "@bufbuild/protobuf";
import { TrafficDirection } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { FilterChain, ListenerFilter } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { duration } from "../proto.ts";
import { listenerAccessLogs } from "./access-log.ts";

/** `ip` is an IP address, or `unix://` and a path. */
function address(ip: string, port: number) {
  if (ip.startsWith("unix://")) return { address: { case: "pipe", value: { path: ip.slice(7) } } } as const;
  return {
    address: {
      case: "socketAddress",
      value: { address: ip, portSpecifier: { case: "portValue", value: port } },
    },
  } as const;
}

export const anyAddress = "0.0.0.0";

/**
 * A listener that mostly doesn't open its port: the outbound listener on 15001 hands it the connections meant for that address.
 * With `unix://` for the address it opens a socket.
 */
export function outboundListener(
  ip: string,
  port: number,
  filterChains: readonly FilterChain[],
  defaultFilterChain: FilterChain | undefined,
  listenerFilters: readonly ListenerFilter[],
  mesh: MeshConfig,
  opensPort = false,
): Listener {
  return create(ListenerSchema, {
    name: `${ip}_${port}`,
    address: address(ip, port),
    ...(opensPort ? {} : { bindToPort: false }),
    trafficDirection: TrafficDirection.OUTBOUND,
    continueOnListenerFiltersTimeout: true,
    listenerFiltersTimeout: duration(mesh.protocolDetectionTimeoutMs),
    filterChains: [...filterChains],
    ...(defaultFilterChain ? { defaultFilterChain } : {}),
    listenerFilters: [...listenerFilters],
    ...bufferLimit(mesh),
  });
}

/** Takes all that the capture rules redirect on its way out. */
export function virtualOutboundListener(mesh: MeshConfig, filterChains: readonly FilterChain[]): Listener {
  return create(ListenerSchema, {
    name: "virtualOutbound",
    accessLog: [...listenerAccessLogs(mesh)],
    address: address(anyAddress, mesh.proxyListenPort),
    trafficDirection: TrafficDirection.OUTBOUND,
    useOriginalDst: true,
    maxConnectionsToAcceptPerSocketEvent: 1,
    filterChains: [...filterChains],
  });
}

/** Takes all that the capture rules redirect on its way in. */
export function virtualInboundListener(
  mesh: MeshConfig,
  filterChains: readonly FilterChain[],
  listenerFilters: readonly ListenerFilter[],
): Listener {
  return create(ListenerSchema, {
    name: "virtualInbound",
    accessLog: [...listenerAccessLogs(mesh)],
    address: address(anyAddress, mesh.proxyInboundListenPort),
    trafficDirection: TrafficDirection.INBOUND,
    continueOnListenerFiltersTimeout: true,
    listenerFiltersTimeout: duration(mesh.protocolDetectionTimeoutMs),
    maxConnectionsToAcceptPerSocketEvent: 1,
    filterChains: [...filterChains],
    listenerFilters: [...listenerFilters],
    ...bufferLimit(mesh),
  });
}

/** A port that a sidecar opens for the workload. */
export function openedInboundListener(...opened: Parameters<typeof openedListener>): Listener {
  const differences = { continueOnListenerFiltersTimeout: true, listenerFiltersTimeout: duration(0) };
  return Object.assign(openedListener(...opened), { trafficDirection: TrafficDirection.INBOUND, ...differences });
}

/** A port that a gateway opens. */
export function gatewayListener(...opened: Parameters<typeof openedListener>): Listener {
  const differences = { maxConnectionsToAcceptPerSocketEvent: 1 };
  return Object.assign(openedListener(...opened), { trafficDirection: TrafficDirection.OUTBOUND, ...differences });
}

function openedListener(
  ip: string,
  port: number,
  filterChains: readonly FilterChain[],
  listenerFilters: readonly ListenerFilter[],
  mesh: MeshConfig,
): Listener {
  return create(ListenerSchema, {
    name: `${ip}_${port}`,
    accessLog: [...listenerAccessLogs(mesh)],
    address: address(ip, port),
    filterChains: [...filterChains],
    listenerFilters: [...listenerFilters],
    ...bufferLimit(mesh),
  });
}

function bufferLimit({ http: { connections } }: MeshConfig) {
  const bytes = connections?.listenerBufferBytes;
  return bytes === undefined ? {} : { perConnectionBufferLimitBytes: bytes };
}
