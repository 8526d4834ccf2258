import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  HeaderMatcher,
  HeaderMatcherSchema,
  QueryParameterMatcher,
  QueryParameterMatcherSchema,
  Route,
  RouteMatch,
  RouteMatchSchema,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { StringMatch } from "#api/istio/string-match.ts";
import type { HTTPMatchRequest } from "#api/istio/virtual-service.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { stringMatcher } from "./string-match.ts";

export type MatchInit = Exclude<MessageInitShape<typeof RouteMatchSchema>, RouteMatch>;
type HeaderInit = Exclude<MessageInitShape<typeof HeaderMatcherSchema>, HeaderMatcher>;
type QueryInit = Exclude<MessageInitShape<typeof QueryParameterMatcherSchema>, QueryParameterMatcher>;

/**
 * Istio: TranslateRouteMatch. Headers come sorted, then method, authority and scheme. In the Gateway API a prefix ends where a
 * part of the path does.
 */
export function routeMatch(
  match: HTTPMatchRequest | undefined,
  semantics: RoutingRule["semantics"] = "istio",
): MatchInit {
  if (match === undefined) return { pathSpecifier: { case: "prefix", value: "/" } };
  const headers = [
    ...Object.entries(match.headers ?? {}).map(([name, value]) => header(name, value)),
    ...Object.entries(match.withoutHeaders ?? {}).map(([name, value]) => without(name, value)),
  ].sort((a, b) => compareText(a.name, b.name));
  if (match.method) headers.push(header(":method", match.method));
  if (match.authority) headers.push(header(":authority", match.authority));
  if (match.scheme) headers.push(header(":scheme", match.scheme));
  return {
    pathSpecifier: path(match.uri, semantics),
    caseSensitive: !match.ignoreUriCase,
    headers,
    queryParameters: Object.entries(match.queryParams ?? {})
      .sort(([a], [b]) => compareText(a, b))
      .map(([name, value]) => queryParameter(name, value)),
  };
}

function path(
  uri: StringMatch | undefined,
  semantics: RoutingRule["semantics"],
): NonNullable<MatchInit["pathSpecifier"]> {
  if (uri?.exact !== undefined) return { case: "path", value: uri.exact };
  if (uri?.regex !== undefined) return { case: "safeRegex", value: { regex: uri.regex } };
  const prefix = uri?.prefix ?? "/";
  if (semantics === "istio" || prefix === "/") return { case: "prefix", value: prefix };
  return { case: "pathSeparatedPrefix", value: prefix.replace(/\/$/, "") };
}

function header(name: string, match: StringMatch): HeaderInit & { name: string } {
  const value = stringMatcher(match);
  return {
    name,
    headerMatchSpecifier: value ? { case: "stringMatch", value } : { case: "presentMatch", value: true },
  };
}

function without(name: string, match: StringMatch): HeaderInit & { name: string } {
  const found = header(name, match);
  const present = found.headerMatchSpecifier?.case === "presentMatch";
  return { ...found, invertMatch: true, ...(present ? {} : { treatMissingHeaderAsEmpty: true }) };
}

function queryParameter(name: string, match: StringMatch): QueryInit {
  const value = stringMatcher(match);
  return {
    name,
    queryParameterMatchSpecifier: value ? { case: "stringMatch", value } : { case: "presentMatch", value: true },
  };
}

/** Whether nothing comes past a route that matches so. */
export function isCatchAll(match: MatchInit | RouteMatch): boolean {
  const { pathSpecifier } = match;
  const anyPath =
    ((pathSpecifier?.case === "prefix" || pathSpecifier?.case === "pathSeparatedPrefix") &&
      pathSpecifier.value === "/") ||
    (pathSpecifier?.case === "safeRegex" && pathSpecifier.value.regex === ".*");
  return anyPath && (match.headers ?? []).length === 0 && (match.queryParameters ?? []).length === 0;
}

/** The same of a finished route. */
export function isCatchAllRoute({ match }: Route): boolean {
  return match !== undefined && isCatchAll(match);
}

/** Routes of several rules for one host: what takes everything must not hide the rest. */
export function catchAllLast(routes: readonly Route[]): readonly Route[] {
  return [...routes.filter((route) => !isCatchAllRoute(route)), ...routes.filter(isCatchAllRoute)];
}
