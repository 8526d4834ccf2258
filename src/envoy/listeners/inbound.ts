import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { isHttp, isSniffed, isTls } from "#model/protocol.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { ServiceTarget } from "#snapshot/targets.ts";
import type { SecurityFilters } from "../filters/security-filters.ts";
import { blackHoleCluster, clusterName, inboundPassthroughCluster } from "../names.ts";
import { inboundRouteConfig } from "../routes/inbound.ts";
import { serverTls } from "../tls/server.ts";
import { type ChainMatch, namedChain, plainHttp } from "./chains.ts";
import { inboundHttp } from "./hcm.ts";
import { openedInboundListener, virtualInboundListener } from "./listener.ts";
import { httpInspector, originalDestination, tlsInspector } from "./listener-filters.ts";
import { tcpProxyTo } from "./tcp-proxy.ts";

const raw: ChainMatch = { transportProtocol: "raw_buffer" };
/** TLS of the workloads' own; it isn't opened. */
const tls: ChainMatch = { transportProtocol: "tls" };

/** One target for each port the workload listens on: of several services on one port the oldest decides. */
export function inboundTargets(targets: readonly ServiceTarget[]): readonly ServiceTarget[] {
  const byPort = new Map<number, ServiceTarget>();
  for (const target of targets) if (!byPort.has(target.targetPort)) byPort.set(target.targetPort, target);
  return [...byPort.values()].sort((a, b) => a.targetPort - b.targetPort);
}

/** What the listeners for incoming connections are made from. */
export interface Inbound extends Pick<ProxyView, "targets" | "mesh"> {
  /** The filters that all that comes in passes first. */
  readonly security: SecurityFilters;
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
    ...catchAll(view),
    ...targets.flatMap((target) => targetChains(target, view)),
  ];
  const known = targets.filter(({ port }) => !isSniffed(port.protocol)).map(({ targetPort }) => targetPort);
  // Who looks for TLS waits for the first word of the client, but some servers speak first. Until mutual TLS comes nothing is told apart there.
  const plainTcp = targets
    .filter(({ port }) => !isHttp(port.protocol) && !isSniffed(port.protocol) && !isTls(port.protocol))
    .map(({ targetPort }) => targetPort);
  const uninspected = [...known, mesh.proxyInboundListenPort].sort((a, b) => a - b);
  return virtualInboundListener(mesh, chains, [
    originalDestination(),
    tlsInspector([...plainTcp, mesh.proxyInboundListenPort].sort((a, b) => a - b)),
    httpInspector(uninspected),
  ]);
}

/** Ports that no service names. */
function catchAll({ mesh, security }: Inbound): FilterChain[] {
  const routes = inboundRouteConfig(inboundPassthroughCluster, "", 0, "Unsupported");
  const tcp = [...security.tcp, tcpProxyTo(inboundPassthroughCluster, mesh)];
  return [
    namedChain(
      "virtualInbound-catchall-http",
      [inboundHttp(inboundPassthroughCluster, routes, "Unsupported", mesh, security.http)],
      plainHttp,
    ),
    namedChain("virtualInbound", tcp, raw),
    namedChain("virtualInbound", tcp, tls),
  ];
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
      const sniffed = isSniffed(target.port.protocol);
      return openedInboundListener(bind, target.targetPort, targetChains(target, view), [
        tlsInspector(),
        ...(sniffed ? [httpInspector()] : []),
      ]);
    });
}

function targetChains(target: ServiceTarget, { mesh, security }: Inbound): FilterChain[] {
  const { service, port, targetPort, ingress } = target;
  const name = `${ingress?.bind ?? "0.0.0.0"}_${targetPort}`;
  const cluster = clusterName("inbound", targetPort, "", "");
  const at = ingress?.opensPort ? {} : { destinationPort: targetPort };
  const routes = inboundRouteConfig(cluster, ingress?.hostname ?? service.hostname, port.port, port.protocol);
  const http = [inboundHttp(`inbound_${name}`, routes, port.protocol, mesh, security.http)];
  const tcp = [...security.tcp, tcpProxyTo(cluster, mesh)];
  const opened = serverTls(ingress?.tls);
  // Of a port with TLS of its own nothing else is taken in.
  if (opened) return [namedChain(name, isHttp(port.protocol) ? http : tcp, { ...at, ...tls }, opened)];
  if (isHttp(port.protocol)) return [namedChain(name, http, { ...at, ...raw })];
  return [
    ...(isSniffed(port.protocol) ? [namedChain(name, http, { ...at, ...plainHttp })] : []),
    namedChain(name, tcp, { ...at, ...raw }),
    namedChain(name, tcp, { ...at, ...tls }),
  ];
}
