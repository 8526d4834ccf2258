import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, isSniffed, isTls } from "#model/protocol.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { ServiceTarget } from "#snapshot/targets.ts";
import { blackHoleCluster, clusterName, inboundPassthroughCluster } from "../names.ts";
import { inboundRouteConfig } from "../routes/inbound.ts";
import { type ChainMatch, namedChain, plainHttp } from "./chains.ts";
import { inboundHttp } from "./hcm.ts";
import { virtualInboundListener } from "./listener.ts";
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

/** The listener on 15006. Istio: buildVirtualInboundListener. */
export function virtualInbound(view: Pick<ProxyView, "targets" | "mesh">): Listener {
  const { mesh } = view;
  const targets = inboundTargets(view.targets).filter(({ targetPort }) => targetPort !== mesh.proxyInboundListenPort);
  const chains: FilterChain[] = [
    // A connection to the port itself was never redirected; letting it through would go round in circles.
    namedChain("virtualInbound-blackhole", [tcpProxyTo(blackHoleCluster, mesh)], {
      destinationPort: mesh.proxyInboundListenPort,
    }),
    ...catchAll(mesh),
    ...targets.flatMap((target) => targetChains(target, mesh)),
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
function catchAll(mesh: MeshConfig): FilterChain[] {
  const routes = inboundRouteConfig(inboundPassthroughCluster, "", 0, "Unsupported");
  const tcp = [tcpProxyTo(inboundPassthroughCluster, mesh)];
  return [
    namedChain(
      "virtualInbound-catchall-http",
      [inboundHttp(inboundPassthroughCluster, routes, "Unsupported", mesh)],
      plainHttp,
    ),
    namedChain("virtualInbound", tcp, raw),
    namedChain("virtualInbound", tcp, tls),
  ];
}

function targetChains({ service, port, targetPort }: ServiceTarget, mesh: MeshConfig): FilterChain[] {
  const name = `0.0.0.0_${targetPort}`;
  const cluster = clusterName("inbound", targetPort, "", "");
  const at = { destinationPort: targetPort };
  const routes = inboundRouteConfig(cluster, service.hostname, port.port, port.protocol);
  const http = [inboundHttp(`inbound_${name}`, routes, port.protocol, mesh)];
  if (isHttp(port.protocol)) return [namedChain(name, http, { ...at, ...raw })];
  const tcp = [tcpProxyTo(cluster, mesh)];
  return [
    ...(isSniffed(port.protocol) ? [namedChain(name, http, { ...at, ...plainHttp })] : []),
    namedChain(name, tcp, { ...at, ...raw }),
    namedChain(name, tcp, { ...at, ...tls }),
  ];
}
