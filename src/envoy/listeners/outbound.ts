import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, isSniffed } from "#model/protocol.ts";
import type { Service, ServicePort } from "#model/service.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { blackHoleCluster, passthroughCluster } from "../names.ts";
import { chain, namedChain, plainHttp } from "./chains.ts";
import { outboundHttp } from "./hcm.ts";
import { anyAddress, outboundListener, virtualOutboundListener } from "./listener.ts";
import { httpInspector, tlsInspector } from "./listener-filters.ts";
import { tcpProxyTo } from "./tcp-proxy.ts";
import { defaultTcpChain, meshL4Rules, outboundTcpChains, rulesForService, type TcpChain } from "./tcp-routes.ts";

/** The listener on 15001. */
export function virtualOutbound(mesh: MeshConfig): Listener {
  return virtualOutboundListener(mesh.proxyListenPort, [
    namedChain("virtualOutbound-blackhole", [tcpProxyTo(blackHoleCluster, mesh)], {
      destinationPort: mesh.proxyListenPort,
    }),
    unknownDestination("virtualOutbound-catchall-tcp", mesh),
  ]);
}

function unknownDestination(name: string, mesh: MeshConfig): FilterChain {
  const open = mesh.outboundTrafficPolicy.mode === "ALLOW_ANY";
  return namedChain(name, [tcpProxyTo(open ? passthroughCluster : blackHoleCluster, mesh)]);
}

/** An outbound listener that is wanted. */
export interface ListenerPlan {
  /** `ADDRESS_PORT`, its name. */
  readonly bind: string;
  /** The objects that together with the address decide what it is. */
  readonly madeOf: readonly [object, object];
  readonly build: () => Listener;
}

/** Stands for "no policy" and for what all services share. */
const nothing: object = {};

/**
 * A listener for every address and port that services have: HTTP of all services on a port shares one, told apart by host;
 * everything else is told apart by address. Of two that want the same one the older service has it. Istio:
 * buildSidecarOutboundListeners.
 */
export function sharedPlans(
  seen: Destinations,
  l4Rules: readonly RoutingRule[],
  mesh: MeshConfig,
): readonly ListenerPlan[] {
  const plans = new Map<string, ListenerPlan>();
  for (const service of seen.services) {
    for (const port of service.ports) {
      if (port.protocol === "UDP" || isOwn(service, port, l4Rules)) continue;
      for (const ip of addresses(service, port)) {
        const bind = `${ip}_${port.port}`;
        if (plans.has(bind) || isReserved(ip, port.port, mesh)) continue;
        const http = isHttp(port.protocol);
        plans.set(bind, {
          bind,
          madeOf: http ? [nothing, nothing] : [service, seen.policyOf(service) ?? nothing],
          build: () =>
            http
              ? httpListener(port, mesh)
              : tcpListener(service, port, ip, [defaultTcpChain(seen, mesh, service, port)], mesh),
        });
      }
    }
  }
  return [...plans.values()];
}

/** The listeners in which the proxy itself, or where endpoints are, plays a part. */
export function ownListeners(view: ProxyView): readonly Listener[] {
  const { mesh, scope, proxy } = view;
  const l4Rules = meshL4Rules(scope.rules);
  const listeners: Listener[] = [];
  for (const service of scope.services) {
    for (const port of service.ports) {
      if (port.protocol === "UDP" || !isOwn(service, port, l4Rules)) continue;
      const ips = isHeadless(service) ? podAddresses(view, service, port) : addresses(service, port);
      for (const ip of ips) {
        // The workload reaches itself without its proxy.
        if (proxy.ips.includes(ip) || isReserved(ip, port.port, mesh)) continue;
        listeners.push(tcpListener(service, port, ip, outboundTcpChains(view, service, port), mesh));
      }
    }
  }
  return listeners;
}

function isOwn(service: Service, port: ServicePort, l4Rules: readonly RoutingRule[]): boolean {
  if (isHttp(port.protocol)) return false;
  return isHeadless(service) || (l4Rules.length > 0 && rulesForService(l4Rules, service).length > 0);
}

function isHeadless(service: Service): boolean {
  return service.resolution === "Passthrough" && service.addresses.length === 0;
}

/** Pods of a headless service are called by their own addresses. */
function podAddresses(view: ProxyView, service: Service, port: ServicePort): readonly string[] {
  const pods = view.endpoints.get(service.hostname)?.filter(({ portName }) => portName === port.name);
  return [...new Set(pods?.map(({ address }) => address))];
}

function addresses(service: Service, port: ServicePort): readonly string[] {
  if (isHttp(port.protocol)) return [anyAddress];
  // A name without an address of its own: clients resolve it themselves, and a listener on every address would catch the port
  // of all others. Their connections pass through.
  if (service.resolution === "DNSLB") return [];
  return service.addresses.length === 0 ? [anyAddress] : service.addresses;
}

/** Ports that the proxy or its agent opens on every address. */
function isReserved(ip: string, port: number, mesh: MeshConfig): boolean {
  if (ip !== anyAddress) return false;
  return [mesh.proxyListenPort, mesh.proxyInboundListenPort, 15008, 15020, 15021, 15053, 15090].includes(port);
}

function httpListener({ port }: ServicePort, mesh: MeshConfig): Listener {
  const http = chain([outboundHttp(`${anyAddress}_${port}`, String(port), mesh)], plainHttp);
  const rest = unknownDestination("PassthroughFilterChain", mesh);
  return outboundListener(anyAddress, port, [http], rest, [httpInspector()]);
}

function tcpListener(
  service: Service,
  { port, protocol }: ServicePort,
  ip: string,
  tcp: readonly TcpChain[],
  mesh: MeshConfig,
): Listener {
  const inspectors = tcp.some(({ match }) => match?.serverNames !== undefined) ? [tlsInspector()] : [];
  if (!isSniffed(protocol)) {
    const chains = tcp.map((item) => item.chain);
    return outboundListener(ip, port, chains, undefined, inspectors);
  }
  const http = chain([outboundHttp(`${ip}_${port}`, `${service.hostname}:${port}`, mesh)], plainHttp);
  const last = tcp.find(({ match }) => match === undefined);
  const matched = tcp.filter(({ match }) => match !== undefined).map((item) => item.chain);
  return outboundListener(ip, port, [...matched, http], last?.chain, [...inspectors, httpInspector()]);
}
