import type { Route } from "#api/gateway-api/route.ts";
import type { HTTPRoute, VirtualService, VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { hostsOverlap } from "#model/host.ts";
import { parentNamesAnnotation, routeSemanticsAnnotation } from "#model/route-semantics.ts";
import { compareObjects } from "./object-order.ts";
import { parentNames } from "./parent-names.ts";
import { isReached, type RouteParent } from "./parents.ts";
import { byPrecedence } from "./route-matches.ts";

/** The rules of one route at one parent, for one host. */
interface Attached {
  readonly route: Route;
  readonly parent: RouteParent;
  readonly host: string;
  readonly http: readonly HTTPRoute[];
}

/** The HTTP routes that a route gives to a parent. */
export interface AttachedRoutes {
  readonly route: Route;
  readonly parent: RouteParent;
  readonly http: readonly HTTPRoute[];
}

/**
 * One VirtualService for each listener and host (in the mesh: namespace, port and host), as every host has its own order of
 * precedence; older routes first. Istio: mergeHTTPRoutes.
 */
export function httpVirtualServices(attachments: readonly AttachedRoutes[]): readonly VirtualService[] {
  const groups = new Map<string, Attached[]>();
  for (const { route, parent, http } of attachments) {
    for (const host of hostsAt(route, parent)) {
      const place = parent.listener?.istioGateway ?? `mesh ${route.metadata.namespace}/${parent.reference.port ?? ""}`;
      const key = `${place} ${host}`;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push({ route, parent, host, http: withPort(http, parent) });
    }
  }
  const counts = new Map<Route, number>();
  return [...groups.values()].flatMap((group) => {
    const [first] = group.sort((a, b) => compareObjects(a.route, b.route));
    if (first === undefined) return [];
    // A sort that keeps the order of equals.
    const http = group.flatMap((one) => one.http).sort(byPrecedence);
    const routes = group.map((one) => one.route);
    return http.length === 0 ? [] : [virtualService(first, routes, { http }, counts)];
  });
}

/** One VirtualService per listener and host for TCP and TLS routes, which don't merge. */
export function l4VirtualServices<K extends "tcp" | "tls">(
  kind: K,
  attachments: readonly {
    readonly route: Route;
    readonly parent: RouteParent;
    readonly routes: NonNullable<VirtualServiceSpec[K]>;
  }[],
): readonly VirtualService[] {
  const counts = new Map<Route, number>();
  return attachments.flatMap(({ route, parent, routes }) => {
    const hosts = kind === "tcp" && parent.hosts === undefined ? ["*"] : hostsAt(route, parent);
    if (routes.length === 0) return [];
    return hosts.map((host) => {
      const own = routes.map((one) => atHost(kind, one, host, parent));
      return virtualService({ route, parent, host }, [route], { [kind]: own }, counts);
    });
  });
}

type L4 = NonNullable<VirtualServiceSpec["tls"]>[number];

/** In the mesh a port narrows the match; a TLS route that names no hosts is for those of its parent. */
function atHost(kind: "tcp" | "tls", route: L4, host: string, { hosts, reference }: RouteParent): L4 {
  const port = hosts === undefined ? undefined : reference.port;
  const matches = route.match ?? (port === undefined ? undefined : [{}]);
  if (matches === undefined) return route;
  return {
    ...route,
    match: matches.map((match) => ({
      ...match,
      ...(port === undefined ? {} : { port }),
      ...(kind === "tls" ? { sniHosts: sniAt(match.sniHosts ?? [], host, hosts !== undefined) } : {}),
    })),
  };
}

function sniAt(names: readonly string[], host: string, inMesh: boolean): readonly string[] {
  if (inMesh) return names.includes("*") ? [host] : names;
  return names.filter((name) => hostsOverlap(name, host));
}

/** The hostnames of a route that come to a parent. */
function hostsAt({ spec }: Route, parent: RouteParent): readonly string[] {
  if (parent.hosts !== undefined) return parent.hosts;
  const hostnames = spec.hostnames?.length ? spec.hostnames : ["*"];
  return hostnames.filter((host) => isReached(parent, host));
}

function withPort(http: readonly HTTPRoute[], { hosts, reference }: RouteParent): readonly HTTPRoute[] {
  const { port } = reference;
  if (hosts === undefined || port === undefined) return http;
  return http.map((route) => ({ ...route, match: (route.match ?? [{}]).map((match) => ({ ...match, port })) }));
}

function virtualService(
  { route, parent, host }: Pick<Attached, "route" | "parent" | "host">,
  madeFrom: readonly Route[],
  rules: Pick<VirtualServiceSpec, "http" | "tcp" | "tls">,
  counts: Map<Route, number>,
): VirtualService {
  const { name, namespace = "", creationTimestamp, uid } = route.metadata;
  const count = counts.get(route) ?? 0;
  counts.set(route, count + 1);
  // Routes in another namespace than the service are for the callers of that namespace. Gateway API: consumer routes.
  const isConsumer = parent.hosts !== undefined && parent.namespace !== namespace;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: {
      name: `${name}~${count}~${route.kind.toLowerCase()}~istio-autogenerated-k8s-gateway`,
      namespace,
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(uid === undefined ? {} : { uid }),
      annotations: { [routeSemanticsAnnotation]: "gateway", [parentNamesAnnotation]: parentNames(madeFrom) },
    },
    spec: {
      hosts: [host],
      gateways: [parent.listener?.istioGateway ?? "mesh"],
      ...(isConsumer ? { exportTo: ["."] } : {}),
      ...rules,
    },
  };
}
