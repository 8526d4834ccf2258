import {
  type Route,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { compareSpecificity, intersection } from "#model/host.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { type GatewayServer, hostsForNamespace, mergeGateways } from "../gateways/servers.ts";
import { catchAllLast } from "./match.ts";
import { httpRoutes } from "./route.ts";
import { routeConfig, virtualHost } from "./route-config.ts";
import { policyOfHost } from "./rule-routes.ts";

interface Host {
  readonly name: string;
  readonly routes: Route[];
  redirect: boolean;
}

/** The route table of a gateway's HTTP server. Istio: buildGatewayHTTPRouteConfig. */
export function gatewayRoutes(view: ProxyView, name: string): RouteConfiguration {
  const servers = mergeGateways(view.gateways, view.targets)
    .flatMap((port) => port.servers)
    .filter(({ routeName }) => routeName === name);
  const hosts = new Map<string, Host>();
  const built = new Map<string, readonly Route[]>();
  for (const entry of servers) {
    const redirects = entry.server.tls?.httpsRedirect ?? false;
    for (const rule of view.scope.rules) {
      if (!rule.gateways.has(entry.gateway)) continue;
      const common = intersection(hostsForNamespace(entry.hosts, rule.namespace), rule.hosts);
      if (common.length === 0) continue;
      const key = `${entry.gateway} ${rule.namespace}/${rule.name}`;
      const routes = built.get(key) ?? ruleRoutes(view, rule, entry);
      built.set(key, routes);
      if (routes.length === 0) continue;
      for (const host of common) {
        const found = hostNamed(hosts, host, entry.number);
        found.routes.push(...routes);
        found.redirect ||= redirects;
      }
    }
    if (redirects) for (const host of entry.hosts) hostNamed(hosts, host.toLowerCase(), entry.number).redirect = true;
  }
  if (hosts.size === 0) {
    // No route: Envoy answers 404.
    return routeConfig(name, servers[0] ? [virtualHost(`blackhole:${servers[0].number}`, ["*"], [], view.mesh)] : []);
  }
  return routeConfig(name, collapse(hosts, view.mesh));
}

function ruleRoutes(view: ProxyView, rule: RoutingRule, entry: GatewayServer): readonly Route[] {
  return httpRoutes(rule, {
    port: entry.number,
    gateways: new Set([entry.gateway]),
    proxyLabels: view.proxy.labels,
    proxyNamespace: view.proxy.namespace,
    lookup: (host) => view.scope.byHost.get(host),
    serviceOf: (host) => view.scope.byHost.get(host),
    policyOf: (host) => policyOfHost(view, host),
    tls: entry.server.tls !== undefined,
    mesh: view.mesh,
  });
}

function hostNamed(hosts: Map<string, Host>, domain: string, port: number): Host {
  const known = hosts.get(domain);
  if (known !== undefined) return known;
  const host: Host = { name: `${domain}:${port}`, routes: [], redirect: false };
  hosts.set(domain, host);
  return host;
}

/** One virtual host for all domains with the same routes; the most specific domain names it. */
function collapse(hosts: ReadonlyMap<string, Host>, mesh: MeshConfig): VirtualHost[] {
  const groups: { host: Host; domains: string[] }[] = [];
  for (const [domain, host] of [...hosts].sort(([a], [b]) => compareSpecificity(a, b))) {
    const same = groups.find((group) => group.host.redirect === host.redirect && sameRoutes(group.host, host));
    if (same) same.domains.push(domain);
    else groups.push({ host, domains: [domain] });
  }
  return groups
    .map(({ host, domains }) => {
      const result = virtualHost(host.name, domains, catchAllLast(host.routes), mesh);
      if (host.redirect) result.requireTls = VirtualHost_TlsRequirementType.ALL;
      return result;
    })
    .sort((a, b) => compareText(a.name, b.name));
}

function sameRoutes(a: Host, b: Host): boolean {
  return a.routes.length === b.routes.length && a.routes.every((route, index) => route === b.routes[index]);
}
