import type {
  FilteredBackend,
  GRPCRoute,
  GRPCRouteRule,
  HTTPRouteRule,
  KubernetesHTTPRoute,
  RouteFilter,
} from "#api/gateway-api/route.ts";
import type { HTTPMatchRequest, HTTPRetry, HTTPRoute, HTTPRouteDestination } from "#api/istio/virtual-service.ts";
import { type BackendUser, backend, weighted } from "./backends.ts";
import { type ConditionError, joinErrors } from "./conditions.ts";
import { backendFilters, routeFilters } from "./route-filters.ts";
import { grpcMatch, httpMatch } from "./route-matches.ts";

/** Routes of Istio, and what is wrong with the rules they come from. */
export interface ConvertedRules<T> {
  readonly routes: readonly T[];
  readonly error?: ConditionError | undefined;
}

/** Every match of a rule becomes a route of its own, so that matches of several rules can be put in order. Istio: convertHTTPRoute. */
export function httpRules({ metadata, spec }: KubernetesHTTPRoute, user: BackendUser): ConvertedRules<HTTPRoute> {
  const rules = (spec.rules ?? []).map((rule, position) => ({
    name: rule.name ?? `${metadata.namespace}.${metadata.name}.${position}`,
    rule,
    matches: (rule.matches ?? []).map(httpMatch),
    more: { ...timeouts(rule), ...retries(rule) },
  }));
  return converted(rules, user);
}

export function grpcRules({ metadata, spec }: GRPCRoute, user: BackendUser): ConvertedRules<HTTPRoute> {
  const rules = (spec.rules ?? []).map((rule, position) => ({
    name: rule.name ?? `${metadata.namespace}.${metadata.name}.${position}`,
    rule,
    matches: (rule.matches ?? []).map(grpcMatch),
    more: {},
  }));
  return converted(rules, user);
}

interface Rule {
  readonly name: string;
  readonly rule: HTTPRouteRule | GRPCRouteRule;
  readonly matches: readonly HTTPMatchRequest[];
  readonly more: Pick<HTTPRoute, "timeout" | "retries">;
}

/** The first rule that can't be used at all ends the route; backends that aren't there are only told. */
function converted(rules: readonly Rule[], user: BackendUser): ConvertedRules<HTTPRoute> {
  const routes: HTTPRoute[] = [];
  let error: ConditionError | undefined;
  for (const { name, rule, matches, more } of rules) {
    const filtered = routeFilters([...(rule.filters ?? []), ...soleBackendFilters(rule)], user);
    if (filtered.isFatal) return { routes: [], error: filtered.error };
    const target = filtered.route.redirect ? {} : destinations(rule.backendRefs ?? [], user);
    if (target.isFatal) return { routes: [], error: target.error };
    error ??= joinErrors(target.error, filtered.error);
    const route: HTTPRoute = { name, ...filtered.route, ...target.route, ...more };
    if (matches.length === 0) routes.push(route);
    for (const match of matches) routes.push({ ...route, match: [match] });
  }
  return { routes, error };
}

/** What the only backend of a rule asks for besides headers is as good as a filter of the rule. */
function soleBackendFilters({ backendRefs = [] }: Rule["rule"]): readonly RouteFilter[] {
  const [only, ...more] = weighted(backendRefs);
  if (only === undefined || more.length > 0) return [];
  const headers = headerFilters(only.reference);
  return (only.reference.filters ?? []).filter((filter) => !headers.includes(filter));
}

function headerFilters({ filters = [] }: FilteredBackend): readonly RouteFilter[] {
  return filters.filter((filter) => filter.requestHeaderModifier || filter.responseHeaderModifier);
}

interface Target {
  readonly route?: Pick<HTTPRoute, "route" | "directResponse">;
  readonly error?: ConditionError | undefined;
  readonly isFatal?: boolean;
}

function destinations(references: readonly FilteredBackend[], user: BackendUser): Target {
  const used = weighted(references);
  // Gateway API: a rule that no backend takes answers 500.
  if (used.length === 0) return { route: { directResponse: { status: 500 } } };
  const route: HTTPRouteDestination[] = [];
  let error: ConditionError | undefined;
  for (const { reference, weight } of used) {
    const found = backend(reference, user);
    if (found.destination === undefined) return { error: found.error, isFatal: true };
    error ??= found.error;
    const filtered = backendFilters(used.length === 1 ? headerFilters(reference) : (reference.filters ?? []));
    if ("reason" in filtered) return { error: filtered, isFatal: true };
    route.push({ destination: found.destination, weight, ...filtered });
  }
  return { route: { route }, error };
}

function timeouts({ timeouts: given, retry }: HTTPRouteRule): { readonly timeout?: string } {
  const request = positive(given?.request);
  const perTry = positive(given?.backendRequest);
  const timeout = request ?? (retry === undefined ? perTry : undefined);
  return timeout === undefined ? {} : { timeout };
}

function retries({ retry, timeouts: given }: HTTPRouteRule): { readonly retries?: HTTPRetry } {
  if (retry === undefined) return {};
  const attempts = retry.attempts ?? 2;
  if (attempts === 0) return { retries: { attempts } };
  // Gateway API: broken connections and timeouts of a try are tried again whatever the codes are.
  const conditions = [
    "connect-failure",
    "reset",
    "refused-stream",
    "unavailable",
    "cancelled",
    ...(retry.codes ?? []).map(String),
  ];
  const perTryTimeout = positive(given?.backendRequest);
  return {
    retries: {
      attempts,
      retryOn: conditions.join(","),
      ...(perTryTimeout === undefined ? {} : { perTryTimeout }),
      ...(retry.backoff === undefined ? {} : { backoff: retry.backoff }),
    },
  };
}

/** Zero stands for no timeout. */
function positive(duration: string | undefined): string | undefined {
  return duration === undefined || /^(0[a-z]+)+$/.test(duration) ? undefined : duration;
}
