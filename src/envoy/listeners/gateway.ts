import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { L4MatchAttributes } from "#api/istio/virtual-service.ts";
import { intersection, isSubsetOf } from "#model/host.ts";
import { firstUnprivilegedPort } from "#model/proxy.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { configPath } from "../clusters/outbound.ts";
import { securityFilters } from "../filters/security-filters.ts";
import {
  type GatewayPort,
  type GatewayServer,
  hostsForNamespace,
  mergeGateways,
  passesThrough,
} from "../gateways/servers.ts";
import { gatewayTopology } from "../gateways/topology.ts";
import { sniName } from "../names.ts";
import { fileSourceOf } from "../tls/secret-reference.ts";
import { serverTls } from "../tls/server.ts";
import { type ChainMatch, chain } from "./chains.ts";
import { gatewayHttp } from "./hcm.ts";
import { meshProtocols } from "./inbound-matches.ts";
import { gatewayListener } from "./listener.ts";
import { proxyProtocol, tlsInspector } from "./listener-filters.ts";
import { serverNames } from "./server-names.ts";
import { tcpProxyTo } from "./tcp-proxy.ts";
import { routeTcp } from "./tcp-routes.ts";

/** A listener, and the paths of the resources that it is made from. */
export interface GatewayListener {
  readonly listener: Listener;
  readonly madeFrom: readonly string[];
}

/** One listener for each port that the proxy's Gateways open, and that it may open. Istio: buildGatewayListeners. */
export function gatewayListeners(view: ProxyView): readonly GatewayListener[] {
  const listeners: GatewayListener[] = [];
  for (const port of mergeGateways(view.gateways, view.targets)) {
    if (view.proxy.isUnprivileged && port.port < firstUnprivilegedPort) continue;
    const taken = new Set(port.servers.filter(({ server }) => !passesThrough(server)).flatMap(openedNames));
    const chains = port.http
      ? [httpChain(view, port)]
      : port.servers.flatMap((entry) => serverChains(view, port, entry, taken));
    if (chains.length === 0) continue;
    const inspected = port.servers.some(({ server }) => server.tls !== undefined) && !port.http;
    const proxied = gatewayTopology(view.proxy).proxyProtocol !== undefined;
    const inspectors = [...(proxied ? [proxyProtocol()] : []), ...(inspected ? [tlsInspector()] : [])];
    const listener = gatewayListener(port.bind, port.port, chains, inspectors, view.mesh);
    listeners.push({ listener, madeFrom: sourcesOf(view, port) });
  }
  return listeners;
}

/** The Gateways that open a port, the rules that send its connections somewhere, and the policies for what comes in. */
function sourcesOf(view: ProxyView, { servers }: GatewayPort): readonly string[] {
  const paths = servers.flatMap((entry) => {
    const [namespace = "", name = ""] = entry.gateway.split("/");
    const rules = entry.routeName === undefined ? rulesFor(view, entry) : [];
    return [
      configPath("gateway", namespace, name),
      ...rules.map((rule) => configPath("virtual-service", rule.namespace, rule.name)),
    ];
  });
  return [...new Set([...paths, ...securityFilters(view).madeFrom])];
}

function httpChain(view: ProxyView, port: GatewayPort): FilterChain {
  const { protocol = "HTTP" } = port.servers[0] ?? {};
  const name = `${port.bind}_${port.port}`;
  return chain([gatewayHttp(view, name, `http.${port.port}`, protocol)]);
}

/** Names under which TLS is opened; `*` stands for all others. */
function openedNames({ server, hosts }: GatewayServer): readonly string[] {
  return server.tls === undefined ? [] : (serverNames(hosts) ?? ["*"]);
}

function serverChains(view: ProxyView, port: GatewayPort, entry: GatewayServer, taken: Set<string>): FilterChain[] {
  const { server, routeName } = entry;
  if (routeName !== undefined) {
    const statPrefix = server.name || `${port.bind}_${port.port}`;
    return [
      chain(
        [gatewayHttp(view, statPrefix, routeName, entry.protocol)],
        terminated(entry),
        serverTls(server.tls, view.mesh, fileSourceOf(view.proxy)),
      ),
    ];
  }
  if (server.tls?.mode === "AUTO_PASSTHROUGH") return autoPassthroughChains(view, entry, taken);
  if (server.tls !== undefined && passesThrough(server)) return passthroughChains(view, entry, taken);
  const filter = tcpFilter(view, entry);
  if (filter === undefined) return [];
  const filters = [...securityFilters(view).tcp, filter];
  return [
    server.tls === undefined
      ? chain(filters)
      : chain(filters, terminated(entry), serverTls(server.tls, view.mesh, fileSourceOf(view.proxy))),
  ];
}

/** Without names to tell them by, only TLS goes to a chain that opens it: plain text must not be served in its place. */
function terminated({ hosts }: GatewayServer): ChainMatch {
  return named(serverNames(hosts));
}

function named(names: readonly string[] | undefined): ChainMatch {
  return names === undefined ? { transportProtocol: "tls" } : { serverNames: [...names] };
}

function rulesFor(view: ProxyView, { gateway, hosts }: GatewayServer): readonly RoutingRule[] {
  return view.scope.rules.filter(
    (rule) =>
      rule.gateways.has(gateway) && intersection(hostsForNamespace(hosts, rule.namespace), rule.hosts).length > 0,
  );
}

/** The first TCP route whose conditions the server meets. */
function tcpFilter(view: ProxyView, entry: GatewayServer) {
  for (const rule of rulesFor(view, entry)) {
    for (const { match = [], route = [] } of rule.spec.tcp ?? []) {
      if (route.length === 0) continue;
      if (match.length > 0 && !match.some((condition) => applies(condition, entry))) continue;
      return routeTcp(view, `${rule.name}.${rule.namespace}`, route, entry.number);
    }
  }
  return undefined;
}

/**
 * A chain for every TLS route, told apart by SNI. Envoy refuses two with the same names: a server that opens TLS has them
 * before a rule does, and the older rule before the younger.
 */
function passthroughChains(view: ProxyView, entry: GatewayServer, taken: Set<string>): FilterChain[] {
  const chains: FilterChain[] = [];
  for (const rule of rulesFor(view, entry)) {
    for (const { match = [], route = [] } of rule.spec.tls ?? []) {
      for (const condition of match) {
        const names = serverNames(condition.sniHosts ?? []);
        const claimed = names ?? ["*"];
        if (route.length === 0 || claimed.length === 0 || !applies(condition, entry)) continue;
        if (claimed.some((name) => taken.has(name))) continue;
        for (const name of claimed) taken.add(name);
        const filter = routeTcp(view, `${rule.name}.${rule.namespace}`, route, entry.number);
        chains.push(chain([...securityFilters(view).tcp, filter], named(names)));
      }
    }
  }
  return chains;
}

/**
 * A chain for every service of the mesh, and for each of its subsets: what its clients ask for by name goes on as it is.
 * Istio: builtAutoPassthroughFilterChains.
 */
function autoPassthroughChains(view: ProxyView, { hosts }: GatewayServer, taken: Set<string>): FilterChain[] {
  const { services, policyOf } = view.scope;
  const chains: FilterChain[] = [];
  for (const service of services) {
    const allowed = hostsForNamespace(hosts, service.namespace);
    if (service.meshExternal || !allowed.some((host) => isSubsetOf(service.hostname, host))) continue;
    for (const { port, protocol } of service.ports) {
      if (protocol === "UDP") continue;
      for (const subset of ["", ...(policyOf(service)?.subsets ?? []).map(({ name }) => name)]) {
        const name = sniName(port, subset, service.hostname);
        if (taken.has(name)) continue;
        taken.add(name);
        const filters = [...securityFilters(view).tcp, tcpProxyTo(name, view.mesh)];
        chains.push(chain(filters, { serverNames: [name], applicationProtocols: meshProtocols }));
      }
    }
  }
  return chains;
}

function applies({ port, gateways }: L4MatchAttributes, entry: GatewayServer): boolean {
  if (port !== undefined && port !== 0 && port !== entry.number) return false;
  return gateways === undefined || gateways.length === 0 || gateways.includes(entry.gateway);
}
