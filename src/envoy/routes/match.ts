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
import { claimOf } from "#model/claim-route.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { claimMatch } from "../filters/claim-match.ts";
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
  const required = byName(match.headers);
  const excluded = byName(match.withoutHeaders);
  const headers = [
    ...required.flatMap(([name, value]) => (claimOf(name) ? [] : header(name, value))),
    ...excluded.flatMap(([name, value]) => (claimOf(name) ? [] : without(name, value))),
  ].sort((a, b) => compareText(a.name, b.name));
  const claims = [
    ...required.flatMap(([name, value]) => claim(name, value, false)),
    ...excluded.flatMap(([name, value]) => claim(name, value, true)),
  ];
  if (match.method) headers.push(header(":method", match.method));
  if (match.authority) headers.push(header(":authority", match.authority));
  if (match.scheme) headers.push(header(":scheme", match.scheme));
  return {
    pathSpecifier: path(match.uri, semantics),
    caseSensitive: !match.ignoreUriCase,
    headers,
    queryParameters: byName(match.queryParams).map(([name, value]) => queryParameter(name, value)),
    dynamicMetadata: claims,
  };
}

function byName(matches: Readonly<Record<string, StringMatch>> | undefined): [string, StringMatch][] {
  return Object.entries(matches ?? {}).sort(([a], [b]) => compareText(a, b));
}

/** A claim of the request's token, where the name is that of one. */
function claim(name: string, value: StringMatch, invert: boolean): ReturnType<typeof claimMatch>[] {
  const path = claimOf(name);
  return path === undefined ? [] : [claimMatch(path, stringMatcher(value), invert)];
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
  const conditions = [match.headers, match.queryParameters, match.dynamicMetadata];
  return anyPath && conditions.every((list = []) => list.length === 0);
}

/** The same of a finished route. */
export function isCatchAllRoute({ match }: Route): boolean {
  return match !== undefined && isCatchAll(match);
}

/** Routes of several rules for one host: what takes everything must not hide the rest. */
export function catchAllLast(routes: readonly Route[]): readonly Route[] {
  return [...routes.filter((route) => !isCatchAllRoute(route)), ...routes.filter(isCatchAllRoute)];
}
