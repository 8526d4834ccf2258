import type { Route, VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { hostsOverlap, isSubsetOf, isWildcard, mostSpecific } from "#model/host.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { parseProtocol } from "#model/protocol.ts";
import type { Service } from "#model/service.ts";
import { compareText } from "#snapshot/config-order.ts";
import { type Egress, findEgress } from "#snapshot/egress.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { meshGateway, type RoutingRule } from "#snapshot/virtual-services.ts";
import { indexOfNamed } from "#xds/resource-set.ts";
import { dynamicDnsCluster } from "../names.ts";
import { unknownDestination } from "../unknown-destination.ts";
import { callable, type DefaultHosts, defaultHosts } from "./default-hosts.ts";
import { blockRoute, passthroughRoute } from "./default-route.ts";
import { hostForm, serviceDomains } from "./domains.ts";
import { routeConfig, virtualHost } from "./route-config.ts";
import { ruleRoutes } from "./rule-routes.ts";
import { hostWith, unruledRoutes } from "./service-host.ts";

/**
 * The route table of an outbound HTTP listener. `name` is the port (`9080`: every service on it), or `host:port` for one whose
 * protocol is found out at run time. Of a Sidecar's listener on a socket, or one that serves as HTTP proxy, it has every port.
 */
export function sidecarRoutes(view: ProxyView, name: string): RouteConfiguration | undefined {
  if (name.startsWith("unix://")) return everyPort(view, name, findEgress(view.scope.egress, 0, name));
  const colon = name.lastIndexOf(":");
  const port = Number(name.slice(colon + 1));
  if (!Number.isInteger(port) || port <= 0) return undefined;
  const egress = findEgress(view.scope.egress, port);
  if (parseProtocol(egress?.listener?.port?.protocol ?? "") === "HTTP_PROXY") return everyPort(view, name, egress);
  const hosts = egress ? virtualHosts(view, egress, port) : [];
  if (colon >= 0) {
    const own = name.slice(0, colon);
    const found = hosts.filter((host) => host.domains.includes(own));
    const only = found.length === 1 ? found[0] : undefined;
    return routeConfig(name, only ? [virtualHost(only.name, ["*"], only.routes, view.mesh)] : found);
  }
  return routeConfig(name, [...hosts, catchAll(view.mesh)]);
}

/** Clients name the port beside the host; without one they mean 80. Istio: listenerPort 0. */
function everyPort(view: ProxyView, name: string, egress: Egress | undefined): RouteConfiguration | undefined {
  if (egress === undefined) return undefined;
  const ports = [...egress.byPort.keys()].sort((a, b) => a - b);
  const hosts = ports.flatMap((port) =>
    virtualHosts(view, egress, port).map((host) => {
      const domains = host.domains.flatMap((domain) => [`${domain}:${port}`, ...(port === 80 ? [domain] : [])]);
      return virtualHost(host.name, domains, host.routes, view.mesh);
    }),
  );
  hosts.sort((a, b) => compareText(a.name, b.name));
  return { ...routeConfig(name, [...hosts, catchAll(view.mesh)]), ignorePortInHostMatching: false };
}

const catchAll = memo((mesh: MeshConfig): VirtualHost => {
  if (mesh.outboundTrafficPolicy.mode === "ALLOW_ANY") {
    const cluster = mesh.outboundTrafficPolicy.byHostName ? dynamicDnsCluster : unknownDestination(mesh);
    return virtualHost("allow_any", ["*"], [passthroughRoute(cluster)], mesh);
  }
  return virtualHost("block_all", ["*"], [blockRoute()], mesh);
});

/** Routes that some hosts and services share. */
interface Group {
  /** Names from a VirtualService that no service has. */
  readonly hosts: readonly string[];
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
}

const noServices: readonly Service[] = [];

/** In their order; of two with one hostname the first. */
const byHostname = memo((services: readonly Service[]): ReadonlyMap<string, Service> => {
  const found = new Map<string, Service>();
  for (const service of services) if (!found.has(service.hostname)) found.set(service.hostname, service);
  return found;
});

/** By name. Istio: BuildSidecarOutboundVirtualHosts. */
function virtualHosts(view: ProxyView, egress: Egress, port: number): readonly VirtualHost[] {
  const { scope, mesh, proxy } = view;
  const services = byHostname(egress.byPort.get(port) ?? noServices);
  const groups = ruleGroups(view, egress, port, services);
  const defaults = defaultHosts(scope.destinations, egress.byPort, mesh, port, proxy.dnsDomain);
  const quick = replaced(view, defaults, groups, port);
  if (quick !== undefined) return quick;
  const ruled = new Set(groups.flatMap((group) => group.services));
  for (const service of callable(services.values(), port)) {
    if (ruled.has(service)) continue;
    const routes = unruledRoutes(service, scope.policyOf(service), mesh, port);
    groups.push({ hosts: [], services: [service], routes });
  }
  return inOrder(named(view, groups, port));
}

function inOrder(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  return hosts.toSorted((a, b) => compareText(a.name, b.name));
}

/** The default hosts with those of `groups` in their place. Undefined where two want the same name or domain. */
function replaced(
  view: ProxyView,
  defaults: DefaultHosts,
  groups: readonly Group[],
  port: number,
): readonly VirtualHost[] | undefined {
  if (!defaults.isClear) return undefined;
  const ruled = new Map<string, VirtualHost>();
  const added = new Map<string, VirtualHost>();
  for (const { hosts, services, routes } of groups) {
    for (const service of services) {
      const name = `${service.hostname}:${port}`;
      if (ruled.has(name)) return undefined;
      ruled.set(name, hostWith(routes, name, serviceDomains(service, view.proxy.dnsDomain).domains, view.mesh));
    }
    for (const host of hosts) {
      const domain = hostForm(host);
      const key = domain.toLowerCase();
      if (added.has(key) || defaults.hasDomain(key)) return undefined;
      added.set(key, hostWith(routes, `${host}:${port}`, [domain], view.mesh));
    }
  }
  const result = [...defaults.hosts];
  for (const host of ruled.values()) {
    const index = indexOfNamed(defaults.hosts, host.name);
    if (index === -1) return undefined;
    result[index] = host;
  }
  return added.size === 0 ? result : inOrder([...result, ...added.values()]);
}

function ruleGroups(view: ProxyView, egress: Egress, port: number, services: ReadonlyMap<string, Service>): Group[] {
  const { proxy } = view;
  const rules = egress.rules
    .filter(({ gateways, spec }) => gateways.has(meshGateway) && (spec.http?.length ?? 0) > 0)
    // Of the Gateway API, what the client's namespace says comes before what the service's says.
    .sort((a, b) => Number(isOwn(b, proxy.namespace)) - Number(isOwn(a, proxy.namespace)));
  const groups: Group[] = [];
  for (const rule of rules) {
    // On port 80 a rule needs no service: it may be for a host outside of the registry.
    if (port !== 80 && !rule.hosts.some((host) => matchesAny(host, services))) continue;
    const routes = ruleRoutes(view, rule, port);
    if (routes.length === 0) continue;
    const split = hostsAndServices(rule, rules, services);
    const called = callable(split.services, port);
    if (called.length === 0 && port !== 80) continue;
    groups.push({ hosts: split.hosts, services: called, routes });
  }
  return groups;
}

function isOwn({ semantics, namespace }: RoutingRule, client: string): boolean {
  return semantics === "gateway" && namespace === client;
}

function matchesAny(host: string, services: ReadonlyMap<string, Service>): boolean {
  if (!isWildcard(host)) return services.has(host);
  return [...services.keys()].some((name) => hostsOverlap(host, name));
}

/** A pattern takes the services that no other rule names better. */
function hostsAndServices(
  rule: RoutingRule,
  rules: readonly RoutingRule[],
  services: ReadonlyMap<string, Service>,
): Pick<Group, "hosts" | "services"> {
  const hosts: string[] = [];
  const found = new Set<Service>();
  for (const host of rule.hosts.filter((candidate) => !isWildcard(candidate))) {
    const service = services.get(host);
    if (service === undefined) hosts.push(host);
    else found.add(service);
  }
  for (const pattern of rule.hosts.filter(isWildcard)) {
    const covered = [...services.values()].filter(({ hostname }) => isSubsetOf(hostname, pattern));
    if (covered.length === 0) hosts.push(pattern);
    for (const service of covered) if (bestRule(rules, service.hostname) === rule) found.add(service);
  }
  return { hosts, services: [...found] };
}

function bestRule(rules: readonly RoutingRule[], hostname: string): RoutingRule | undefined {
  const candidates = rules.flatMap((rule) => rule.hosts.map((host) => [host, rule] as const));
  return mostSpecific(candidates, hostname);
}

/** Gives every host and service its virtual host. A name or domain that is taken stays with who took it first. */
function named(view: ProxyView, groups: readonly Group[], port: number): VirtualHost[] {
  const names = new Set<string>();
  const taken = new Set<string>();
  const full = new Set(groups.flatMap((group) => group.services.map((service) => service.hostname)));
  const result: VirtualHost[] = [];
  const add = (host: string, domains: readonly string[], short: readonly string[], routes: readonly Route[]): void => {
    const name = `${host}:${port}`;
    if (names.has(name)) return;
    names.add(name);
    const free = domains.filter(
      (domain) => !taken.has(domain.toLowerCase()) && !(short.includes(domain) && full.has(domain)),
    );
    for (const domain of free) taken.add(domain.toLowerCase());
    if (free.length > 0) result.push(hostWith(routes, name, free, view.mesh));
  };
  for (const { hosts, services, routes } of groups) {
    for (const host of hosts) add(host, [hostForm(host)], [], routes);
    for (const service of services) {
      const { domains, short } = serviceDomains(service, view.proxy.dnsDomain);
      add(service.hostname, domains, short, routes);
    }
  }
  return result;
}
