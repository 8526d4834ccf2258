import type { BackendReference, Route, RouteFilter } from "#api/gateway-api/route.ts";
import { type BackendUser, backend } from "#gateway-api/backends.ts";
import type { ConditionError } from "#gateway-api/conditions.ts";
import { convertGateways } from "#gateway-api/gateways.ts";
import type { GatewayApiInput } from "#gateway-api/input.ts";
import { indexParents, type Parents, routeParents } from "#gateway-api/parents.ts";
import { type Grants, referenceGrants } from "#gateway-api/reference-grants.ts";
import type { Analyzer } from "../analyzer.ts";
import { isJudged } from "../judged.ts";
import { type Message, type MessageName, message } from "../message.ts";

/** What istiod will say of routes that it hasn't seen yet, by its own conversion; and what it doesn't say. */
export const kubernetesRoutes: Analyzer = {
  name: "k8sgateway.RouteAnalyzer",
  description: "what routes of the Kubernetes Gateway API refer to exists and takes them",
  needs: "cluster",
  analyze({ gatewayApi }) {
    const grants = referenceGrants(gatewayApi.referenceGrants);
    const parents = indexParents(gatewayApi, convertGateways(gatewayApi, grants).listeners);
    const { httpRoutes, grpcRoutes, tcpRoutes, tlsRoutes } = gatewayApi;
    const routes: Route[] = [httpRoutes, grpcRoutes, tcpRoutes, tlsRoutes].flatMap((map) => [...map.values()]);
    return routes.flatMap((route) => [
      ...missingParents(route, gatewayApi),
      ...(isJudged(route) ? [] : [...refusals(route, parents), ...badBackends(route, gatewayApi, grants)]),
    ]);
  },
};

const group = "gateway.networking.k8s.io";

/** Gateways that aren't there could be some other controller's: nobody writes a status for them. */
function missingParents(route: Route, { kubernetesGateways, listenerSets }: GatewayApiInput): Message[] {
  const own = route.metadata.namespace ?? "";
  return (route.spec.parentRefs ?? []).flatMap((reference, index) => {
    const { group: parentGroup = group, kind = "Gateway", namespace = own, name } = reference;
    const known = kind === "Gateway" ? kubernetesGateways : kind === "ListenerSet" ? listenerSets : undefined;
    if (parentGroup !== group || known === undefined || known.has(`${namespace}/${name}`)) return [];
    const text = `there is no ${kind} ${namespace}/${name}`;
    return [message("ReferencedResourceNotFound", route, `spec.parentRefs[${index}]`, text)];
  });
}

/** References none of whose listeners takes the route. */
function refusals(route: Route, parents: Parents): Message[] {
  const references = route.spec.parentRefs ?? [];
  const found = routeParents(route, route.kind, parents);
  return references.flatMap((reference, index) => {
    const places = found.filter((parent) => parent.reference === reference);
    const denied = places.flatMap((parent) => parent.denied ?? []);
    if (places.length === 0 || denied.length < places.length) return [];
    // That some other listener isn't the one that was meant says nothing.
    const best = denied.find(({ reason }) => reason !== "NoMatchingParent") ?? denied[0];
    return best ? [told(route, `spec.parentRefs[${index}]`, best)] : [];
  });
}

function badBackends(route: Route, input: GatewayApiInput, grants: Grants): Message[] {
  const isForGateways = (route.spec.parentRefs ?? []).some(({ kind = "Gateway" }) => kind !== "Service");
  const user: BackendUser = {
    input,
    grants,
    kind: route.kind,
    namespace: route.metadata.namespace ?? "",
    needsGrant: isForGateways,
  };
  return backendsOf(route).flatMap(({ field, reference }) => {
    const { error } = backend(reference, user);
    return error ? [told(route, field, error)] : [];
  });
}

interface Rule {
  readonly backendRefs?: readonly BackendReference[];
  readonly filters?: readonly RouteFilter[];
}

function backendsOf({ spec }: Route) {
  const { rules = [] } = spec as { readonly rules?: readonly Rule[] };
  return rules.flatMap(({ backendRefs = [], filters = [] }, rule) => [
    ...backendRefs.map((reference, index) => ({ field: `spec.rules[${rule}].backendRefs[${index}]`, reference })),
    ...filters.flatMap(({ requestMirror }, index) =>
      requestMirror?.backendRef
        ? [
            {
              field: `spec.rules[${rule}].filters[${index}].requestMirror.backendRef`,
              reference: requestMirror.backendRef,
            },
          ]
        : [],
    ),
  ]);
}

const names: Readonly<Record<string, MessageName>> = {
  BackendNotFound: "ReferencedResourceNotFound",
  NoMatchingParent: "ReferencedResourceNotFound",
  NoMatchingListenerHostname: "VirtualServiceHostNotFoundInGateway",
};

function told(route: Route, field: string, { reason, message: why }: ConditionError): Message {
  return message(names[reason] ?? "NegativeConditionStatus", route, field, `${reason}: ${why}`);
}
