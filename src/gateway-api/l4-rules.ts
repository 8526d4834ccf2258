import type { BackendReference, L4Route } from "#api/gateway-api/route.ts";
import type { RouteDestination, VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { type BackendUser, backend, weighted } from "./backends.ts";
import type { ConditionError } from "./conditions.ts";
import type { ConvertedRules } from "./http-rules.ts";

type TCPRoute = NonNullable<VirtualServiceSpec["tcp"]>[number];
type TLSRoute = NonNullable<VirtualServiceSpec["tls"]>[number];

/** A cluster that doesn't exist: connections are closed, as Gateway API asks where no backend takes them. */
const closed: RouteDestination = {
  destination: { host: "internal.cluster.local", subset: "zero-weight", port: { number: 65535 } },
};

/** Istio: convertTCPRoute. */
export function tcpRules({ spec }: L4Route, user: BackendUser): ConvertedRules<TCPRoute> {
  return converted(spec, user, (route) => ({ route }));
}

/** Istio: convertTLSRoute. */
export function tlsRules({ spec }: L4Route, user: BackendUser): ConvertedRules<TLSRoute> {
  const sniHosts = spec.hostnames?.length ? spec.hostnames : ["*"];
  return converted(spec, user, (route) => ({ match: [{ sniHosts }], route }));
}

function converted<T>(
  { rules = [] }: L4Route["spec"],
  user: BackendUser,
  build: (route: readonly RouteDestination[]) => T,
): ConvertedRules<T> {
  const routes: T[] = [];
  let error: ConditionError | undefined;
  for (const { backendRefs = [] } of rules) {
    const target = destinations(backendRefs, user);
    if (target.route === undefined) return { routes: [], error: target.error };
    error ??= target.error;
    routes.push(build(target.route));
  }
  return { routes, error };
}

function destinations(references: readonly BackendReference[], user: BackendUser) {
  const used = weighted(references);
  if (used.length === 0) return { route: [closed] };
  const route: RouteDestination[] = [];
  let error: ConditionError | undefined;
  for (const { reference, weight } of used) {
    const found = backend(reference, user);
    if (found.destination === undefined) return { error: found.error };
    error ??= found.error;
    route.push({ destination: found.destination, weight });
  }
  return { route, error };
}
