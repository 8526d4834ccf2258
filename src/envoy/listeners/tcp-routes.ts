import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type Filter,
  type FilterChain,
  FilterSchema,
} from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { MongoProxySchema } from "#api/envoy/gen/envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy_pb.js";
import type { L4MatchAttributes, RouteDestination, TLSMatchAttributes } from "#api/istio/virtual-service.ts";
import { isSubsetOf } from "#model/host.ts";
import { selects } from "#model/labels.ts";
import { memo, sameList } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isSniffed, isTls } from "#model/protocol.ts";
import type { Service, ServicePort } from "#model/service.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import { meshGateway, type RoutingRule } from "#snapshot/virtual-services.ts";
import { dynamicSniFilter } from "../dynamic-forward-proxy.ts";
import { clusterName } from "../names.ts";
import { destinationPort } from "../routes/route.ts";
import { type ChainMatch, chain } from "./chains.ts";
import { serverNames } from "./server-names.ts";
import { type TcpDestination, tcpProxy, tcpProxyTo } from "./tcp-proxy.ts";
import { tcpSettings } from "./tcp-settings.ts";

/** A chain, and whether it says which connections it takes (others need a chain after it). */
export interface TcpChain {
  readonly chain: FilterChain;
  readonly match: ChainMatch | undefined;
}

/** The chains for one TCP, TLS or sniffed port of a service. Istio: buildSidecarOutboundTCPTLSFilterChainOpts. */
export function outboundTcpChains(
  view: ProxyView,
  rules: readonly RoutingRule[],
  service: Service,
  port: ServicePort,
  at: Sharing,
): readonly TcpChain[] {
  return ruledChains(view, rules, service, port, at).map((one) => inRange(one, at.range));
}

function ruledChains(
  view: ProxyView,
  rules: readonly RoutingRule[],
  service: Service,
  port: ServicePort,
  at: Sharing,
): readonly TcpChain[] {
  const chains: TcpChain[] = [];
  if (isTls(port.protocol) || isSniffed(port.protocol)) chains.push(...tlsChains(view, rules, port));
  if (chains.some(({ match }) => match === undefined)) return chains;
  if (!isTls(port.protocol)) {
    const tcp = tcpChains(view, rules, port);
    chains.push(...tcp);
    if (tcp.some(({ match }) => match === undefined)) return chains;
    if (tcp.length > 0) return chains;
  }
  if (isTls(port.protocol) && chains.length > 0) return chains;
  chains.push(defaultTcpChain(view.scope.destinations, view.mesh, service, port, at));
  return chains;
}

/** Every connection to the service's own cluster. */
export function defaultTcpChain(
  seen: Destinations,
  mesh: MeshConfig,
  service: Service,
  port: ServicePort,
  at: Sharing,
): TcpChain {
  // A Sidecar's port need not be the service's: then its only one is meant.
  const only = service.ports.length === 1 ? service.ports[0] : undefined;
  const cluster = clusterName("outbound", only?.port ?? port.port, "", service.hostname);
  const settings = tcpSettings(seen.policyOf(service), "", port.port);
  const filters = [...protocolFilters(service, port, cluster, mesh), tcpProxyTo(cluster, mesh, settings)];
  // Envoy knows patterns of whole labels only.
  const named = at.bySni && isTls(port.protocol) && !/^\*[^.]/.test(service.hostname);
  const match: ChainMatch = {
    ...(at.range === undefined ? {} : subnets({ destinationSubnets: [at.range] })),
    ...(named ? { serverNames: [service.hostname] } : {}),
  };
  return Object.keys(match).length === 0
    ? { chain: chain(filters), match: undefined }
    : { chain: chain(filters, match), match };
}

/** How a service's connections are told from those of others at the same listener. */
interface Sharing {
  /** By the name that TLS asks for. */
  readonly bySni: boolean;
  /** By a range of addresses. */
  readonly range?: string;
}

/** A rule's chain takes only what is meant for the service. */
function inRange({ chain: one, match }: TcpChain, range: string | undefined): TcpChain {
  if (range === undefined || match?.prefixRanges !== undefined) return { chain: one, match };
  const limited: ChainMatch = { ...match, ...subnets({ destinationSubnets: [range] }) };
  return { chain: chain(one.filters, limited), match: limited };
}

/** Filters that look into a protocol on its way. Istio: buildNetworkFiltersStack. */
function protocolFilters(
  { resolution }: Service,
  { protocol, port }: ServicePort,
  cluster: string,
  mesh: MeshConfig,
): readonly Filter[] {
  if (resolution === "DynamicDNS") return [dynamicSniFilter(port, mesh)];
  if (protocol !== "Mongo") return [];
  return [
    create(FilterSchema, {
      name: "envoy.filters.network.mongo_proxy",
      configType: {
        case: "typedConfig",
        value: anyPack(MongoProxySchema, create(MongoProxySchema, { statPrefix: cluster })),
      },
    }),
  ];
}

const none: readonly RoutingRule[] = [];

/** The rules of sidecars for connections: the same list as long as none of these changes. */
export const meshL4Rules: (rules: readonly RoutingRule[]) => readonly RoutingRule[] = memo(
  (rules: readonly RoutingRule[]) => {
    const found = rules.filter(
      ({ gateways, spec }) => gateways.has(meshGateway) && (spec.tcp?.length || spec.tls?.length),
    );
    return found.length > 0 ? sameList(found) : none;
  },
);

/** Those of `rules` that route connections to a service. */
export function rulesForService(rules: readonly RoutingRule[], service: Service): readonly RoutingRule[] {
  return rules.filter(({ hosts }) => hosts.some((host) => isSubsetOf(service.hostname, host)));
}

function tlsChains(view: ProxyView, rules: readonly RoutingRule[], port: ServicePort): TcpChain[] {
  const chains: TcpChain[] = [];
  const taken = new Set<string>();
  for (const rule of rules) {
    for (const { match = [], route = [] } of rule.spec.tls ?? []) {
      for (const condition of match) {
        if (!applies(condition, view, port.port)) continue;
        // Envoy refuses two chains for the same names: the older rule has them.
        const names = (serverNames(condition.sniHosts ?? []) ?? []).filter((name) => !taken.has(name));
        if (names.length === 0) continue;
        for (const name of names) taken.add(name);
        const found: ChainMatch = { serverNames: names, ...subnets(condition) };
        chains.push({ chain: chain([routed(view, rule, route, port.port)], found), match: found });
      }
    }
  }
  return chains;
}

function tcpChains(view: ProxyView, rules: readonly RoutingRule[], port: ServicePort): TcpChain[] {
  const chains: TcpChain[] = [];
  const taken = new Set<string>();
  for (const rule of rules) {
    for (const { match, route = [] } of rule.spec.tcp ?? []) {
      const conditions = match === undefined || match.length === 0 ? [{}] : match;
      const applying = conditions.filter((condition) => applies(condition, view, port.port));
      for (const condition of applying) {
        const limits = subnets(condition);
        const found = Object.keys(limits).length > 0 ? limits : undefined;
        const key = JSON.stringify(limits);
        if (taken.has(key)) continue;
        taken.add(key);
        chains.push({ chain: chain([routed(view, rule, route, port.port)], found), match: found });
        // Connections that match all go here: nothing after it is ever reached.
        if (found === undefined) return chains;
      }
    }
  }
  return chains;
}

function applies(condition: L4MatchAttributes & TLSMatchAttributes, view: ProxyView, port: number): boolean {
  if (condition.port !== undefined && condition.port !== 0 && condition.port !== port) return false;
  if (condition.gateways !== undefined && condition.gateways.length > 0)
    return condition.gateways.includes(meshGateway);
  const { labels, namespace } = view.proxy;
  if (condition.sourceNamespace && condition.sourceNamespace !== namespace) return false;
  return selects(condition.sourceLabels, labels);
}

function subnets({ destinationSubnets = [] }: L4MatchAttributes): Pick<ChainMatch, "prefixRanges"> {
  if (destinationSubnets.length === 0) return {};
  return {
    prefixRanges: destinationSubnets.map((subnet) => {
      const [addressPrefix = "", length] = subnet.split("/", 2);
      return { addressPrefix, prefixLen: Number(length ?? (addressPrefix.includes(":") ? 128 : 32)) };
    }),
  };
}

function routed(view: ProxyView, rule: RoutingRule, route: readonly RouteDestination[], port: number) {
  return routeTcp(view, `${rule.name}.${rule.namespace}`, route, port);
}

/** The filter for a rule's weighted destinations; `ruleName` names the statistics where there are several. */
export function routeTcp(view: ProxyView, ruleName: string, route: readonly RouteDestination[], port: number): Filter {
  const lookup = (host: string): Service | undefined => view.scope.byHost.get(host);
  const used = route.length > 1 ? route.filter(({ weight = 0 }) => weight > 0) : route;
  const destinations: TcpDestination[] = used.map(({ destination, weight = 1 }) => ({
    cluster: clusterName(
      "outbound",
      destinationPort(destination, { lookup, port }),
      destination.subset ?? "",
      lookup(destination.host)?.hostname ?? destination.host,
    ),
    weight,
  }));
  const [only] = destinations;
  const statPrefix = destinations.length === 1 && only !== undefined ? only.cluster : ruleName;
  // Settings that the listener has are those of the first destination; subsets count where there is one.
  const first = route[0]?.destination;
  const service = first && lookup(first.host);
  const subset = route.length === 1 ? (first?.subset ?? "") : "";
  const settings =
    first && service ? tcpSettings(view.scope.policyOf(service), subset, destinationPort(first, { lookup, port })) : {};
  return tcpProxy(destinations, view.mesh, statPrefix, settings);
}
