import { isIP } from "node:net";
import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Endpoint } from "#model/service.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import { dynamicHttpFilter } from "../dynamic-forward-proxy.ts";
import { blackHoleCluster } from "../names.ts";
import { unknownDestination } from "../unknown-destination.ts";
import { chain, namedChain, plainHttp } from "./chains.ts";
import { outboundHttp } from "./hcm.ts";
import { anyAddress, outboundListener, virtualOutboundListener } from "./listener.ts";
import { httpInspector, tlsInspector } from "./listener-filters.ts";
import type { HeadlessPort, OutboundPlan, PlannedService } from "./outbound-plan.ts";
import { tcpProxyTo } from "./tcp-proxy.ts";
import { defaultTcpChain, outboundTcpChains, type TcpChain } from "./tcp-routes.ts";

/** The listener on 15001. */
export function virtualOutbound(mesh: MeshConfig): Listener {
  return virtualOutboundListener(mesh, [
    namedChain("virtualOutbound-blackhole", [tcpProxyTo(blackHoleCluster, mesh)], {
      destinationPort: mesh.proxyListenPort,
    }),
    restChain("virtualOutbound-catchall-tcp", mesh),
  ]);
}

function restChain(name: string, mesh: MeshConfig): FilterChain {
  return namedChain(name, [tcpProxyTo(unknownDestination(mesh), mesh)]);
}

/** Whether the proxy itself decides what the listener is: rules for connections look at clients. */
export function isOwn({ parts }: OutboundPlan): boolean {
  return parts.some(({ rules }) => rules.length > 0);
}

/** A listener that is the same whoever calls. */
export function sharedListener(plan: OutboundPlan, seen: Destinations, mesh: MeshConfig): Listener {
  return listener(
    plan,
    plan.parts.map((part) => [defaultTcpChain(seen, mesh, part.service, part.port, sharing(plan, part))]),
    mesh,
  );
}

/** A listener in which rules play a part. */
export function ownListener(plan: OutboundPlan, view: ProxyView): Listener {
  return listener(
    plan,
    plan.parts.map((part) => outboundTcpChains(view, part.rules, part.service, part.port, sharing(plan, part))),
    view.mesh,
  );
}

/** What tells a service's connections from those of others. */
function sharing({ ip }: OutboundPlan, { service, range }: PlannedService): { bySni: boolean; range?: string } {
  const bySni = range !== undefined || (service.addresses.length === 0 && ip === anyAddress);
  return { bySni, ...(range === undefined ? {} : { range }) };
}

/** Pods of a headless service are called by their own addresses. Istio: Support statefulsets/headless services. */
export function headlessListeners(
  { service, port, rules }: HeadlessPort,
  endpoints: readonly Endpoint[],
  chains: (at: { bySni: boolean }) => readonly TcpChain[],
  mesh: MeshConfig,
): readonly Listener[] {
  const own = endpoints.filter(({ portName, address }) => portName === port.name && isIP(address) !== 0);
  const ips = new Set(own.map(({ address }) => address));
  const manner = port.protocol === "Unsupported" ? "sniffed" : "tcp";
  const part: PlannedService = { service, port, manner, range: undefined, rules };
  return [...ips].map((ip) =>
    listener(
      {
        ip,
        port: port.port,
        opensPort: false,
        parts: [part],
        http: manner === "sniffed" ? part : undefined,
        dynamic: false,
        manner,
      },
      [chains({ bySni: false })],
      mesh,
    ),
  );
}

function listener(
  { ip, port, http, dynamic, manner, opensPort }: OutboundPlan,
  tcp: readonly (readonly TcpChain[])[],
  mesh: MeshConfig,
): Listener {
  const chains: FilterChain[] = [];
  const matches = new Set<string>();
  let last: FilterChain | undefined;
  // Envoy refuses two chains for the same connections: who came first has them.
  for (const { chain: one, match } of tcp.flat()) {
    if (match === undefined) {
      last ??= one;
      continue;
    }
    const key = JSON.stringify(match);
    if (!matches.has(key)) chains.push(one);
    matches.add(key);
  }
  const inspectors = [...matches].some((match) => match.includes('"serverNames"')) ? [tlsInspector()] : [];
  if (http !== undefined) {
    const more = dynamic || mesh.outboundTrafficPolicy.byHostName ? [dynamicHttpFilter(mesh)] : [];
    const manager = outboundHttp(`${ip}_${port}`, routeName(ip, port, http), http.port.protocol, more, mesh);
    if (manner === "http") last ??= chain([manager]);
    else {
      chains.push(chain([manager], plainHttp));
      inspectors.push(httpInspector());
    }
  }
  if (chains.length === 0 && last !== undefined) {
    return outboundListener(ip, port, [last], undefined, inspectors, mesh, opensPort);
  }
  const rest = last ?? restChain("PassthroughFilterChain", mesh);
  return outboundListener(ip, port, chains, rest, inspectors, mesh, opensPort);
}

/** A table for all services on the port, or one for the service that has the address to itself. */
function routeName(ip: string, port: number, { service, manner }: PlannedService): string {
  if (port === 0) return ip;
  return manner === "sniffed" && ip !== anyAddress ? `${service.hostname}:${port}` : String(port);
}
