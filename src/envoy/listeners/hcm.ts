import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Filter, FilterSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import {
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManagerSchema,
  type HttpFilter,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { UuidRequestIdConfigSchema } from "#api/envoy/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { defaultClientCertificate } from "#model/http-settings.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp2, type Protocol } from "#model/protocol.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { overAds } from "../config-source.ts";
import { grpcWebFilter, standardHttpFilters } from "../filters/http-filters.ts";
import { offeredProtocolsFilter } from "../filters/offered-protocols.ts";
import { securityFilters } from "../filters/security-filters.ts";
import { gatewayTopology } from "../gateways/topology.ts";
import { statName } from "../names.ts";
import { duration } from "../proto.ts";
import { accessLogs } from "./access-log.ts";
import { connectionLimits, headerHandling, type ManagerInit } from "./http-settings.ts";

const requestIds = {
  typedConfig: anyPack(
    UuidRequestIdConfigSchema,
    create(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: true }),
  ),
};

const { KEEP_UNCHANGED, UNESCAPE_AND_FORWARD } = HttpConnectionManager_PathWithEscapedSlashesAction;

/** What is done to paths before anything looks at them. Istio: MeshConfig.ProxyPathNormalization. */
function pathNormalization({ pathNormalization: mode }: MeshConfig): ManagerInit {
  return {
    normalizePath: mode !== "NONE",
    mergeSlashes: mode === "MERGE_SLASHES" || mode === "DECODE_AND_MERGE_SLASHES",
    pathWithEscapedSlashesAction: mode === "DECODE_AND_MERGE_SLASHES" ? UNESCAPE_AND_FORWARD : KEEP_UNCHANGED,
  };
}

/** Starts from what all of Istio's connection managers share. */
function manager(
  statPrefix: string,
  protocol: Protocol,
  mesh: MeshConfig,
  differences: ManagerInit,
  security: readonly HttpFilter[],
  more: readonly HttpFilter[] = [],
): Filter {
  const own = protocol === "GRPC-Web" ? [grpcWebFilter, ...more] : more;
  const config = create(HttpConnectionManagerSchema, {
    statPrefix: statName(statPrefix),
    httpFilters: [...security, ...own, ...standardHttpFilters(mesh)],
    accessLog: [...accessLogs(mesh)],
    ...pathNormalization(mesh),
    proxy100Continue: true,
    requestIdExtension: requestIds,
    streamIdleTimeout: duration(0),
    upgradeConfigs: [{ upgradeType: "websocket" }],
    ...differences,
    ...headerHandling(mesh),
    ...connectionLimits(mesh),
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.http_connection_manager",
    configType: { case: "typedConfig", value: anyPack(HttpConnectionManagerSchema, config) },
  });
}

function rds(routeConfigName: string): NonNullable<ManagerInit["routeSpecifier"]> {
  return { case: "rds", value: { routeConfigName, configSource: overAds } };
}

/** Requests that the workload sends. `bind` is `ADDRESS_PORT`. */
export function outboundHttp(
  bind: string,
  routeName: string,
  protocol: Protocol,
  more: readonly HttpFilter[],
  mesh: MeshConfig,
): Filter {
  const differences = { useRemoteAddress: false, routeSpecifier: rds(routeName) };
  return manager(`outbound_${bind}`, protocol, mesh, differences, [], [...more, offeredProtocolsFilter]);
}

/** Requests that come in for the workload; their one route is part of the listener. */
export function inboundHttp(
  statPrefix: string,
  routeConfig: RouteConfiguration,
  protocol: Protocol,
  mesh: MeshConfig,
  security: readonly HttpFilter[],
): Filter {
  const { forward, subject, ...told } = mesh.http.headers?.clientCertificate ?? defaultClientCertificate;
  const differences: ManagerInit = {
    useRemoteAddress: false,
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails[forward],
    setCurrentClientCertDetails: { subject, ...told },
    serverName: "istio-envoy",
    routeSpecifier: { case: "routeConfig", value: routeConfig },
    ...(isHttp2(protocol) ? { http2ProtocolOptions: {} } : {}),
  };
  return manager(statPrefix, protocol, mesh, differences, security);
}

/** Requests that come in at a gateway, the edge of the mesh: what clients say of themselves isn't trusted. */
export function gatewayHttp(view: ProxyView, bind: string, routeName: string, protocol: Protocol): Filter {
  const topology = gatewayTopology(view.proxy);
  const details = HttpConnectionManager_ForwardClientCertDetails[topology.forwardClientCertDetails ?? "SANITIZE_SET"];
  const differences: ManagerInit = {
    useRemoteAddress: true,
    xffNumTrustedHops: topology.numTrustedProxies ?? 0,
    forwardClientCertDetails: details,
    setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
    serverName: "istio-envoy",
    httpProtocolOptions: {},
    routeSpecifier: rds(routeName),
  };
  return manager(`outbound_${bind}`, protocol, view.mesh, differences, securityFilters(view).http, [
    offeredProtocolsFilter,
  ]);
}
