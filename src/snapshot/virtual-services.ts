import type {
  Destination,
  HTTPRoute,
  RouteDestination,
  VirtualService,
  VirtualServiceSpec,
} from "#api/istio/virtual-service.ts";
import { resolveShortName } from "#model/host.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { routeSemanticsAnnotation } from "#model/route-semantics.ts";
import { exportTo } from "#model/visibility.ts";

/** A VirtualService with every name made full: what routes are built from. */
export interface RoutingRule {
  readonly source: VirtualService;
  readonly name: string;
  readonly namespace: string;
  readonly hosts: readonly string[];
  /** `mesh`, or `namespace/name` of gateways. */
  readonly gateways: ReadonlySet<string>;
  readonly exportTo: ReadonlySet<string>;
  /** How matches and backends are meant: as in a VirtualService, in the Kubernetes Gateway API, or in an Ingress. */
  readonly semantics: "istio" | "gateway" | "ingress";
  readonly spec: VirtualServiceSpec;
}

export const meshGateway = "mesh";

/** Resolves the names that `source` says relative to its own namespace. */
export function resolveVirtualService(source: VirtualService, clusterDomain: string, mesh: MeshConfig): RoutingRule {
  const { name = "", namespace = "" } = source.metadata;
  const spec = source.spec;
  const host = (value: string): string => resolveShortName(value, namespace, clusterDomain);
  const destination = <T extends { readonly destination: Destination }>(target: T): T => ({
    ...target,
    destination: { ...target.destination, host: host(target.destination.host) },
  });
  const gateway = (value: string): string => gatewayName(value, namespace);
  const named = (spec.gateways ?? []).map(gateway);
  const matched = <T extends { readonly gateways?: readonly string[] }>(match: T): T =>
    match.gateways ? { ...match, gateways: match.gateways.map(gateway) } : match;
  const l4 = <T extends { readonly match?: readonly { readonly gateways?: readonly string[] }[] }>(
    route: T & { readonly route?: readonly RouteDestination[] },
  ): T => ({
    ...route,
    ...(route.match ? { match: route.match.map(matched) } : {}),
    ...(route.route ? { route: route.route.map(destination) } : {}),
  });
  const http = (route: HTTPRoute): HTTPRoute => ({
    ...l4(route),
    ...(route.route ? { route: route.route.map(destination) } : {}),
    ...(route.mirror ? { mirror: { ...route.mirror, host: host(route.mirror.host) } } : {}),
    ...(route.mirrors ? { mirrors: route.mirrors.map(destination) } : {}),
  });
  return Object.freeze({
    source,
    name,
    namespace,
    hosts: (spec.hosts ?? []).map((value) => host(value).toLowerCase()),
    gateways: new Set(named.length > 0 ? named : [meshGateway]),
    exportTo: exportTo(spec.exportTo, namespace, mesh.defaultVirtualServiceExportTo),
    semantics: semanticsOf(source),
    spec: {
      ...spec,
      ...(spec.http ? { http: spec.http.map(http) } : {}),
      ...(spec.tls ? { tls: spec.tls.map(l4) } : {}),
      ...(spec.tcp ? { tcp: spec.tcp.map(l4) } : {}),
    },
  });
}

/** `mesh` stays, `name` and `./name` are of `namespace`, `other/name` stays. The old form `name.ns.svc.domain` is understood. */
function gatewayName(value: string, namespace: string): string {
  if (value === meshGateway) return value;
  if (value.startsWith("./")) return `${namespace}/${value.slice(2)}`;
  if (value.includes("/")) return value;
  const [name = "", owner] = value.split(".");
  return owner === undefined ? `${namespace}/${name}` : `${owner}/${name}`;
}

function semanticsOf({ metadata }: VirtualService): RoutingRule["semantics"] {
  const marked = metadata.annotations?.[routeSemanticsAnnotation];
  return marked === "gateway" || marked === "ingress" ? marked : "istio";
}
