import type { GRPCRouteMatch, HTTPRouteMatch, NamedMatch } from "#api/gateway-api/route.ts";
import type { StringMatch } from "#api/istio/string-match.ts";
import type { HTTPMatchRequest, HTTPRoute } from "#api/istio/virtual-service.ts";

/** Istio: createURIMatch and its siblings. */
export function httpMatch({ path, headers, queryParams, method }: HTTPRouteMatch): HTTPMatchRequest {
  return {
    uri: pathMatch(path),
    ...(headers?.length ? { headers: namedMatches(headers, true) } : {}),
    ...(queryParams?.length ? { queryParams: namedMatches(queryParams, false) } : {}),
    ...(method === undefined ? {} : { method: { exact: method } }),
  };
}

function pathMatch({ type = "PathPrefix", value = "/" }: NonNullable<HTTPRouteMatch["path"]> = {}): StringMatch {
  if (type === "Exact") return { exact: value };
  if (type === "RegularExpression") return { regex: value };
  // Gateway API: a slash at the end is of no account.
  return { prefix: value === "/" ? value : value.replace(/\/$/, "") };
}

/** Of equal names the first counts; header names differ only by more than case. */
function namedMatches(matches: readonly NamedMatch[], ignoreCase: boolean): Record<string, StringMatch> {
  const result: Record<string, StringMatch> = {};
  for (const { type, name, value = "" } of matches)
    result[ignoreCase ? name.toLowerCase() : name] ??=
      type === "RegularExpression" ? { regex: value } : { exact: value };
  return result;
}

/** A gRPC method is the path `/service/method`. */
export function grpcMatch({ method, headers }: GRPCRouteMatch): HTTPMatchRequest {
  return {
    ...(method === undefined ? {} : { uri: methodMatch(method) }),
    ...(headers?.length ? { headers: namedMatches(headers, true) } : {}),
  };
}

function methodMatch({ type, service, method }: NonNullable<GRPCRouteMatch["method"]>): StringMatch {
  if (service === undefined) return { regex: `/[^/]+/${method ?? ".+"}` };
  if (type === "RegularExpression") return { regex: `/${service}/${method ?? ".+"}` };
  return method === undefined ? { prefix: `/${service}/` } : { exact: `/${service}/${method}` };
}

/**
 * The order in which routes are tried: exact before prefix before regex, longer before shorter, with a method, then by the number
 * of headers and of query parameters; else as they come. Gateway API: HTTPRouteRule. Istio: sortHTTPRoutes.
 */
export function byPrecedence(a: HTTPRoute, b: HTTPRoute): number {
  const [left] = a.match ?? [];
  const [right] = b.match ?? [];
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  return (
    uriRank(right) - uriRank(left) ||
    uriText(right).length - uriText(left).length ||
    Number(right.method !== undefined) - Number(left.method !== undefined) ||
    count(right.headers) - count(left.headers) ||
    count(right.queryParams) - count(left.queryParams)
  );
}

function uriRank({ uri }: HTTPMatchRequest): number {
  if (uri === undefined) return 0;
  return uri.exact === undefined ? (uri.prefix === undefined ? 1 : 2) : 3;
}

function uriText({ uri }: HTTPMatchRequest): string {
  return uri?.exact ?? uri?.prefix ?? uri?.regex ?? "";
}

function count(map: object | undefined): number {
  return Object.keys(map ?? {}).length;
}
