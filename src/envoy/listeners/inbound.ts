import type { TransportSocket } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { ConfigSource } from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { type MutualTlsMode, modeOfPort } from "#model/mutual-tls.ts";
import { isHttp, isSniffed, type Protocol } from "#model/protocol.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { ServiceTarget } from "#snapshot/targets.ts";
import type { SecurityFilters } from "../filters/security-filters.ts";
import { blackHoleCluster, clusterName, inboundPassthroughCluster } from "../names.ts";
import { inboundRouteConfig } from "../routes/inbound.ts";
import { meshServerTls } from "../tls/mesh.ts";
import { serverTls } from "../tls/server.ts";
import { type ChainMatch, namedChain } from "./chains.ts";
import { inboundHttp } from "./hcm.ts";
import { type InboundMatch, inboundMatches, type Manner, ownTlsMatch } from "./inbound-matches.ts";
import { openedInboundListener, virtualInboundListener } from "./listener.ts";
import { inspectorsFor, originalDestination } from "./listener-filters.ts";
import { tcpProxyTo } from "./tcp-proxy.ts";

/** What the listeners for incoming connections are made from. */
export interface Inbound extends Pick<ProxyView, "targets" | "mutualTls" | "mesh"> {
  /** The filters that all that comes in passes first. */
  readonly security: SecurityFilters;
  /** Where the workload has secrets from that are in files. */
  readonly files: ConfigSource;
}

/** One target for each port the workload listens on: of several services on one port the oldest decides. */
export function inboundTargets(targets: readonly ServiceTarget[]): readonly ServiceTarget[] {
  const byPort = new Map<number, ServiceTarget>();
  for (const target of targets) if (!byPort.has(target.targetPort)) byPort.set(target.targetPort, target);
  return [...byPort.values()].sort((a, b) => a.targetPort - b.targetPort);
}

/** The listener on 15006. Istio: buildVirtualInboundListener. */
export function virtualInbound(view: Inbound): Listener {
  const { mesh } = view;
  const targets = captured(view);
  const chains: FilterChain[] = [
    // A connection to the port itself was never redirected; letting it through would go round in circles.
    namedChain("virtualInbound-blackhole", [tcpProxyTo(blackHoleCluster, mesh)], {
      destinationPort: mesh.proxyInboundListenPort,
    }),
    ...catchAll(view, targets),
    ...targets.flatMap((target) => targetChains(target, view)),
  ];
  return virtualInboundListener(mesh, chains, [originalDestination(), ...inspectorsFor(chains)]);
}

/**
 * Ports that no service names; of those that a policy names each has chains of its own.
 * Istio: buildInboundPassthroughChains, MtlsBuilder.ForPassthrough.
 */
function catchAll(view: Inbound, targets: readonly ServiceTarget[]): FilterChain[] {
  const { mode, perPort } = view.mutualTls;
  const served = new Set(targets.map(({ targetPort }) => targetPort));
  const ports = [...perPort].filter(([port]) => !served.has(port) && port !== view.mesh.proxyInboundListenPort);
  return [
    ...passthroughChains(mode, {}, view),
    ...ports.flatMap(([destinationPort, own]) => passthroughChains(own, { destinationPort }, view)),
  ];
}

function passthroughChains(mode: MutualTlsMode, at: ChainMatch, { mesh, security }: Inbound): FilterChain[] {
  const routes = inboundRouteConfig(inboundPassthroughCluster, "", 0, "Unsupported");
  const http = [inboundHttp(inboundPassthroughCluster, routes, "Unsupported", mesh, security.http)];
  const tcp = [...security.tcp, tcpProxyTo(inboundPassthroughCluster, mesh)];
  return inboundMatches("sniffed", mode).map((one) =>
    one.http
      ? chainFor("virtualInbound-catchall-http", one, at, mesh, http)
      : chainFor("virtualInbound", one, at, mesh, tcp),
  );
}

function chainFor(
  name: string,
  { match, mesh: opens }: InboundMatch,
  at: ChainMatch,
  mesh: MeshConfig,
  filters: Parameters<typeof namedChain>[1],
  ownTls?: TransportSocket,
): FilterChain {
  return namedChain(name, filters, { ...at, ...match }, opens ? meshServerTls(mesh) : ownTls);
}

function captured(view: Inbound): readonly ServiceTarget[] {
  return inboundTargets(view.targets).filter(
    ({ targetPort, ingress }) => targetPort !== view.mesh.proxyInboundListenPort && !ingress?.opensPort,
  );
}

/** Listeners of a Sidecar's ports that aren't captured: the proxy opens these itself. Istio: captureMode NONE. */
export function openedInbound(view: Inbound): readonly Listener[] {
  return inboundTargets(view.targets)
    .filter(({ ingress }) => ingress?.opensPort)
    .map((target) => {
      const bind = target.ingress?.bind ?? "0.0.0.0";
      const chains = targetChains(target, view);
      return openedInboundListener(bind, target.targetPort, chains, inspectorsFor(chains), view.mesh);
    });
}

function mannerOf(protocol: Protocol): Manner {
  if (isSniffed(protocol)) return "sniffed";
  return isHttp(protocol) ? "http" : "tcp";
}

function targetChains(target: ServiceTarget, { mesh, mutualTls, security, files }: Inbound): FilterChain[] {
  const { service, port, targetPort, ingress } = target;
  const name = `${ingress?.bind ?? "0.0.0.0"}_${targetPort}`;
  const cluster = clusterName("inbound", targetPort, "", "");
  const at = ingress?.opensPort ? {} : { destinationPort: targetPort };
  const routes = inboundRouteConfig(cluster, ingress?.hostname ?? service.hostname, port.port, port.protocol);
  const http = [inboundHttp(`inbound_${name}`, routes, port.protocol, mesh, security.http)];
  const tcp = [...security.tcp, tcpProxyTo(cluster, mesh)];
  const mode = modeOfPort(mutualTls, targetPort);
  const manner = mannerOf(port.protocol);
  // Of a port with TLS of its own nothing else is taken in; only where mutual TLS is off, so that the two don't clash.
  const ownTls = mode === "DISABLE" ? serverTls(ingress?.tls, mesh, files) : undefined;
  const matches = ownTls ? [ownTlsMatch(manner)] : inboundMatches(manner, mode);
  return matches.map((one) => chainFor(name, one, at, mesh, one.http ? http : tcp, ownTls));
}
