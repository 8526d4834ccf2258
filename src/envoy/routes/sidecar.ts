import type { Route, VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { hostsOverlap, isSubsetOf, isWildcard, mostSpecific } from "#model/host.ts";
import { isHttp, isSniffed } from "#model/protocol.ts";
import { findPort, type Service } from "#model/service.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { meshGateway, type RoutingRule } from "#snapshot/virtual-services.ts";
import { clusterName } from "../names.ts";
import { blockRoute, defaultOutboundRoute, passthroughRoute } from "./default-route.ts";
import { hostForm, serviceDomains } from "./domains.ts";
import { hashOf } from "./hash-policy.ts";
import { httpRoutes } from "./route.ts";
import { routeConfig, virtualHost } from "./route-config.ts";

const meshOnly: ReadonlySet<string> = new Set([meshGateway]);

/**
 * The route table of an outbound HTTP listener. `name` is the port (`9080`: every service on it), or `host:port` for one whose
 * protocol is found out at run time.
 */
export function sidecarRoutes(view: ProxyView, name: string): RouteConfiguration | undefined {
  const colon = name.lastIndexOf(":");
  const port = Number(name.slice(colon + 1));
  if (!Number.isInteger(port) || port <= 0) return undefined;
  const hosts = virtualHosts(view, port);
  if (colon >= 0) {
    const own = name.slice(0, colon);
    const found = hosts.filter((host) => host.domains.includes(own));
    const only = found.length === 1 ? found[0] : undefined;
    return routeConfig(name, only ? [virtualHost(only.name, ["*"], only.routes)] : found);
  }
  hosts.sort((a, b) => compareText(a.name, b.name));
  return routeConfig(name, [...hosts, catchAll(view)]);
}

function catchAll(view: ProxyView): VirtualHost {
  if (view.mesh.outboundTrafficPolicy.mode === "ALLOW_ANY")
    return virtualHost("allow_any", ["*"], [passthroughRoute()]);
  return virtualHost("block_all", ["*"], [blockRoute()]);
}

/** Routes that some hosts and services share. */
interface Group {
  /** Names from a VirtualService that no service has. */
  readonly hosts: readonly string[];
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
}

/** Istio: BuildSidecarOutboundVirtualHosts. */
function virtualHosts(view: ProxyView, port: number): VirtualHost[] {
  const services = new Map<string, Service>();
  for (const service of view.scope.byPort.get(port) ?? []) services.set(service.hostname, service);
  const groups = ruleGroups(view, port, services);
  const ruled = new Set(groups.flatMap((group) => group.services));
  for (const service of services.values()) {
    const protocol = findPort(service, port)?.protocol ?? "TCP";
    if (!ruled.has(service) && (isHttp(protocol) || isSniffed(protocol))) groups.push(unruled(view, service, port));
  }
  return named(view, groups, port);
}

function ruleGroups(view: ProxyView, port: number, services: ReadonlyMap<string, Service>): Group[] {
  const { scope, proxy } = view;
  const rules = scope.rules
    .filter(({ gateways, spec }) => gateways.has(meshGateway) && (spec.http?.length ?? 0) > 0)
    // Of the Gateway API, what the client's namespace says comes before what the service's says.
    .sort((a, b) => Number(isOwn(b, proxy.namespace)) - Number(isOwn(a, proxy.namespace)));
  const groups: Group[] = [];
  for (const rule of rules) {
    // On port 80 a rule needs no service: it may be for a host outside of the registry.
    if (port !== 80 && !rule.hosts.some((host) => matchesAny(host, services))) continue;
    const routes = httpRoutes(rule, {
      port,
      gateways: meshOnly,
      proxyLabels: proxy.labels,
      proxyNamespace: proxy.namespace,
      // Only this port's services tell a destination's port, and then it is this one. Others mean the port that is called.
      lookup: () => undefined,
      nameOf: (host) => view.scope.byHost.get(host)?.hostname ?? host,
      policyOf: (host) => policyOfHost(view, host),
      tls: false,
    });
    if (routes.length === 0) continue;
    const split = hostsAndServices(rule, rules, services);
    const callable = split.services.filter((service) => {
      const protocol = findPort(service, port)?.protocol ?? "TCP";
      return isHttp(protocol) || isSniffed(protocol);
    });
    if (callable.length === 0 && port !== 80) continue;
    groups.push({ hosts: split.hosts, services: callable, routes });
  }
  return groups;
}

function isOwn({ semantics, namespace }: RoutingRule, client: string): boolean {
  return semantics === "gateway" && namespace === client;
}

/** The policy for a destination, also where it is no known service. */
export function policyOfHost(view: ProxyView, host: string): ReturnType<ProxyView["scope"]["policyOf"]> {
  const service = view.scope.byHost.get(host);
  return service && view.scope.policyOf(service);
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

function unruled(view: ProxyView, service: Service, port: number): Group {
  const cluster = clusterName("outbound", port, "", service.hostname);
  const policy = view.scope.policyOf(service);
  const hash = hashOf(policy, { host: service.hostname, port: { number: port } });
  return {
    hosts: [],
    services: [service],
    routes: [defaultOutboundRoute(cluster, `${service.hostname}:${port}/*`, hash)],
  };
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
    if (free.length > 0) result.push(virtualHost(name, free, routes));
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
