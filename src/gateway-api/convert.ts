import { isDeepStrictEqual } from "node:util";
import type { GatewayApiObject } from "#api/gateway-api/object.ts";
import type { GRPCRoute, KubernetesHTTPRoute, L4Route, Route } from "#api/gateway-api/route.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { keepList } from "#model/memo.ts";
import { type BackendUse, convertPolicies } from "./backend-policies.ts";
import type { BackendUser } from "./backends.ts";
import { gatewayClassStatus } from "./gateway-class.ts";
import { type ConvertedGateways, convertGateways } from "./gateways.ts";
import { type ConvertedRules, grpcRules, httpRules } from "./http-rules.ts";
import type { GatewayApiInput, Objects } from "./input.ts";
import { tcpRules, tlsRules } from "./l4-rules.ts";
import { compareObjects } from "./object-order.ts";
import { indexParents, type ParentListener, type Parents, type RouteParent, routeParents } from "./parents.ts";
import { referenceGrants } from "./reference-grants.ts";
import { routeStatus } from "./route-status.ts";
import { httpVirtualServices, l4VirtualServices } from "./virtual-services.ts";

/** A resource whose status istiod writes, and what it should be. */
interface StatusToWrite {
  readonly object: GatewayApiObject<unknown>;
  readonly status: unknown;
}

/** What the Kubernetes Gateway API says, in Istio's own resources. */
export interface Converted {
  readonly gateways: readonly Gateway[];
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  readonly statuses: readonly StatusToWrite[];
}

/**
 * Converts all resources of the Kubernetes Gateway API. Resources that come out as before keep their identity from `previous`, so
 * that nothing is made again for them.
 */
export function convertGatewayApi(input: GatewayApiInput, previous?: Converted): Converted {
  const grants = referenceGrants(input.referenceGrants);
  const gateways = convertGateways(input, grants);
  const parents = indexParents(input, gateways.listeners);
  const attached = new Map<ParentListener, number>();
  const backends = new Map<string, BackendUse>();
  const user = (route: Route, kind: string, needsGrant: boolean): BackendUser => ({
    input,
    grants,
    kind,
    namespace: route.metadata.namespace ?? "",
    needsGrant,
  });
  const convert = <R extends Route, T>(
    objects: Objects<R>,
    kind: string,
    rules: (route: R, user: BackendUser) => ConvertedRules<T>,
  ): readonly ConvertedRoute<R, T>[] =>
    [...objects.values()].sort(compareObjects).map((route) => {
      noteBackends(route, backends);
      return convertRoute(
        route,
        kind,
        parents,
        attached,
        (needsGrant) => rules(route, user(route, kind, needsGrant)),
        input.now,
      );
    });

  const http = convert<KubernetesHTTPRoute, HTTPRouteOf>(input.httpRoutes, "HTTPRoute", httpRules);
  const grpc = convert<GRPCRoute, HTTPRouteOf>(input.grpcRoutes, "GRPCRoute", grpcRules);
  const tcp = convert<L4Route, TCPRouteOf>(input.tcpRoutes, "TCPRoute", tcpRules);
  const tls = convert<L4Route, TLSRouteOf>(input.tlsRoutes, "TLSRoute", tlsRules);
  const policies = convertPolicies(input, backends);
  const httpAttached = [...http, ...grpc].flatMap(({ route, attachments }) =>
    attachments.map(({ parent, routes }) => ({ route, parent, http: routes })),
  );
  const l4 = <T>(converted: readonly ConvertedRoute<L4Route, T>[]) =>
    converted.flatMap(({ route, attachments }) => attachments.map((one) => ({ route, ...one })));
  return {
    gateways: keepEqual(previous?.gateways, gateways.istioGateways),
    virtualServices: keepEqual(previous?.virtualServices, [
      ...httpVirtualServices(httpAttached),
      ...l4VirtualServices("tcp", l4(tcp)),
      ...l4VirtualServices("tls", l4(tls)),
    ]),
    destinationRules: keepEqual(previous?.destinationRules, policies.destinationRules),
    statuses: [
      ...[...input.gatewayClasses.values()].flatMap((object) => {
        const status = gatewayClassStatus(object, input.now);
        return status ? [{ object, status }] : [];
      }),
      ...gatewayStatuses(gateways, attached),
      ...[...http, ...grpc, ...tcp, ...tls].map(({ route, status }) => ({ object: route, status })),
      ...policies.tlsPolicies,
      ...policies.trafficPolicies,
    ],
  };
}

type HTTPRouteOf = ReturnType<typeof httpRules>["routes"][number];
type TCPRouteOf = ReturnType<typeof tcpRules>["routes"][number];
type TLSRouteOf = ReturnType<typeof tlsRules>["routes"][number];

interface ConvertedRoute<R extends Route, T> {
  readonly route: R;
  readonly status: unknown;
  readonly attachments: readonly { readonly parent: RouteParent; readonly routes: readonly T[] }[];
}

/** References are granted differently at gateways and in the mesh, so the rules are made for each. Istio: computeRoute. */
function convertRoute<R extends Route, T>(
  route: R,
  kind: string,
  parents: Parents,
  attached: Map<ParentListener, number>,
  rules: (needsGrant: boolean) => ConvertedRules<T>,
  now: string,
): ConvertedRoute<R, T> {
  const found = routeParents(route, kind, parents);
  const atGateways = found.some(({ listener }) => listener !== undefined) ? rules(true) : undefined;
  const inMesh = found.some(({ listener }) => listener === undefined) ? rules(false) : undefined;
  const at = ({ listener }: RouteParent) => (listener === undefined ? inMesh : atGateways);
  const accepted = found.filter(({ denied }) => denied === undefined);
  // Gateway API: of several TCPRoutes the oldest has the listener, as nothing tells their connections apart.
  const isTaken = ({ listener }: RouteParent): boolean => listener !== undefined && attached.has(listener);
  const admitted = kind === "TCPRoute" ? accepted.filter((parent) => !isTaken(parent)) : accepted;
  // A listener counts a route once, however often the route names it.
  for (const listener of new Set(admitted.flatMap((parent) => parent.listener ?? [])))
    attached.set(listener, (attached.get(listener) ?? 0) + 1);
  return {
    route,
    status: routeStatus(
      route,
      found.map((parent) => ({ parent, error: at(parent)?.error })),
      now,
    ),
    attachments: uniqueListeners(admitted).map((parent) => ({ parent, routes: at(parent)?.routes ?? [] })),
  };
}

function uniqueListeners(parents: readonly RouteParent[]): readonly RouteParent[] {
  const seen = new Set<ParentListener>();
  return parents.filter(({ listener }) => {
    if (listener === undefined) return true;
    if (seen.has(listener)) return false;
    seen.add(listener);
    return true;
  });
}

function gatewayStatuses(
  { gateways, listenerSets, listeners }: ConvertedGateways,
  attached: ReadonlyMap<ParentListener, number>,
): readonly StatusToWrite[] {
  const counts = new Map(
    listeners.map((listener) => [`${listener.owner} ${listener.name}`, attached.get(listener) ?? 0]),
  );
  return [...gateways, ...listenerSets].map(({ object, status }) => {
    const owner = `${object.kind}/${object.metadata.namespace}/${object.metadata.name}`;
    if (status.listeners === undefined) return { object, status };
    const counted = status.listeners.map((entry) => ({
      ...entry,
      attachedRoutes: counts.get(`${owner} ${entry.name}`) ?? 0,
    }));
    return { object, status: { ...status, listeners: counted } };
  });
}

/** Notes what a route leads to: policies of backends hang on it. */
function noteBackends(route: Route, found: Map<string, BackendUse>): void {
  const own = route.metadata.namespace ?? "";
  const gateways = (route.spec.parentRefs ?? [])
    .filter(({ kind = "Gateway" }) => kind === "Gateway")
    .map(({ namespace = own, name }) => `${namespace}/${name}`);
  const { rules = [] } = route.spec as L4Route["spec"];
  for (const { kind = "Service", namespace = own, name } of rules.flatMap(({ backendRefs = [] }) => backendRefs)) {
    const key = `${kind}/${namespace}/${name}`;
    const known = found.get(key);
    found.set(key, {
      gateways: new Set([...(known?.gateways ?? []), ...gateways]),
      isGrpc: (known?.isGrpc ?? false) || route.kind === "GRPCRoute",
    });
  }
}

/** `next` with the objects of `previous` that are equal in the place of their copies. */
export function keepEqual<T extends IstioObject>(previous: readonly T[] | undefined, next: readonly T[]): readonly T[] {
  const before = new Map(previous?.map((object) => [nameOf(object), object]));
  const kept = next.map((object) => {
    const old = before.get(nameOf(object));
    return old !== undefined && isDeepStrictEqual(old, object) ? old : object;
  });
  return keepList(previous, kept);
}

function nameOf({ metadata }: IstioObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
