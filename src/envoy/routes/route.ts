import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
  type RedirectActionSchema,
  type Route,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  type RouteActionSchema,
  RouteSchema,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type {
  Destination,
  HTTPDirectResponse,
  HTTPMatchRequest,
  HTTPRedirect,
  HTTPRoute,
  HTTPRouteDestination,
} from "#api/istio/virtual-service.ts";
import { selects } from "#model/labels.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { configPath } from "../clusters/outbound.ts";
import { corsConfig } from "../filters/cors.ts";
import { faultConfig } from "../filters/fault.ts";
import { corsFilter, faultFilter } from "../filters/http-filters.ts";
import { offersOf } from "../filters/offered-protocols.ts";
import { clusterName } from "../names.ts";
import { duration, durationOf } from "../proto.ts";
import { hashOf, hashPolicy } from "./hash-policy.ts";
import { headerEdits } from "./headers.ts";
import { isCatchAll, type MatchInit, routeMatch } from "./match.ts";
import { fraction, hundredths } from "./percent.ts";
import { retryPolicy } from "./retry.ts";

export type ActionInit = Exclude<MessageInitShape<typeof RouteActionSchema>, RouteAction>;
type RedirectInit = Exclude<MessageInitShape<typeof RedirectActionSchema>, RedirectAction>;

/** Who asks for the routes, and what they may refer to. */
export interface RouteContext {
  readonly port: number;
  /** Names under which the proxy takes routes: `mesh`, or those of its gateways. */
  readonly gateways: ReadonlySet<string>;
  readonly proxyLabels: Readonly<Record<string, string>>;
  readonly proxyNamespace: string;
  /** The service, as far as it tells the port of a destination that names none. */
  readonly lookup: (hostname: string) => Service | undefined;
  /** Who is called by that name, also by an alias. */
  readonly serviceOf: (hostname: string) => Service | undefined;
  readonly policyOf: (hostname: string) => DestinationPolicy | undefined;
  readonly tls: boolean;
  readonly mesh: MeshConfig;
}

/** The routes of a rule, in order, up to the first that lets nothing past. Istio: BuildHTTPRoutesForVirtualService. */
export function httpRoutes(rule: RoutingRule, context: RouteContext): readonly Route[] {
  const routes: Route[] = [];
  for (const http of rule.spec.http ?? []) {
    const matches = http.match ?? [];
    if (matches.length === 0) return [...routes, route(rule, http, undefined, routeMatch(undefined), context)];
    for (const match of matches) {
      if (!applies(match, context)) continue;
      const found = routeMatch(match, rule.semantics);
      routes.push(route(rule, http, match, found, context));
      if (isCatchAll(found)) return routes;
    }
  }
  return routes;
}

function applies(match: HTTPMatchRequest, context: RouteContext): boolean {
  if (match.port !== undefined && match.port !== 0 && match.port !== context.port) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) {
    return match.gateways.some((gateway) => context.gateways.has(gateway));
  }
  if (!selects(match.sourceLabels, context.proxyLabels)) return false;
  return !match.sourceNamespace || match.sourceNamespace === context.proxyNamespace;
}

function route(
  rule: RoutingRule,
  http: HTTPRoute,
  match: HTTPMatchRequest | undefined,
  found: MatchInit,
  context: RouteContext,
): Route {
  const edits = headerEdits(http.headers);
  const only = http.redirect || http.directResponse ? undefined : soleDestination(http);
  const more = only ? headerEdits(only.headers) : undefined;
  const action: NonNullable<Exclude<MessageInitShape<typeof RouteSchema>, Route>["action"]> = http.redirect
    ? { case: "redirect", value: redirect(http.redirect, found, context) }
    : http.directResponse
      ? { case: "directResponse", value: directResponse(http.directResponse) }
      : { case: "route", value: forward(rule, http, found, [edits.authority, more?.authority], context) };
  const typedPerFilterConfig: Record<string, Any> = { ...(only ? offers(only.destination, context) : {}) };
  const fault = http.fault && faultConfig(http.fault);
  if (fault) typedPerFilterConfig[faultFilter] = fault;
  if (http.corsPolicy) typedPerFilterConfig[corsFilter] = corsConfig(http.corsPolicy);
  const statPrefix = match?.statPrefix;
  return create(RouteSchema, {
    name: match?.name ? `${http.name ?? ""}.${match.name}` : (http.name ?? ""),
    match: found,
    metadata: {
      filterMetadata: { istio: { config: configPath("virtual-service", rule.namespace, rule.name) } },
    },
    ...(statPrefix ? { statPrefix } : {}),
    requestHeadersToAdd: [...edits.requestHeadersToAdd, ...(more?.requestHeadersToAdd ?? [])],
    requestHeadersToRemove: [...edits.requestHeadersToRemove, ...(more?.requestHeadersToRemove ?? [])],
    responseHeadersToAdd: [...edits.responseHeadersToAdd, ...(more?.responseHeadersToAdd ?? [])],
    responseHeadersToRemove: [...edits.responseHeadersToRemove, ...(more?.responseHeadersToRemove ?? [])],
    action,
    decorator: { operation: operation(rule.name, only?.destination, found, context) },
    typedPerFilterConfig,
  });
}

function soleDestination(http: HTTPRoute): HTTPRouteDestination | undefined {
  return http.route?.length === 1 ? http.route[0] : undefined;
}

/** What a trace calls the route. Istio: GetRouteOperation. */
function operation(
  ruleName: string,
  destination: Destination | undefined,
  match: MatchInit,
  context: RouteContext,
): string {
  const path = pathText(match);
  if (destination === undefined) return `${ruleName}:${context.port}${path}`;
  return `${destination.host}:${destinationPort(destination, context)}${path}`;
}

function pathText({ pathSpecifier }: MatchInit): string {
  if (pathSpecifier?.case === "path") return pathSpecifier.value;
  if (pathSpecifier?.case === "safeRegex") return pathSpecifier.value.regex ?? "";
  if (pathSpecifier?.case === "pathSeparatedPrefix") return `${pathSpecifier.value}*`;
  return pathSpecifier?.case === "prefix" ? `${pathSpecifier.value}*` : "/*";
}

/** The port a destination means: its own, else the service's only one, else the one that is called. */
export function destinationPort(destination: Destination, context: Pick<RouteContext, "lookup" | "port">): number {
  if (destination.port?.number !== undefined) return destination.port.number;
  const ports = context.lookup(destination.host)?.ports ?? [];
  return ports.length === 1 && ports[0] !== undefined ? ports[0].port : context.port;
}

function cluster(destination: Destination, context: RouteContext): string {
  const host = context.serviceOf(destination.host)?.hostname ?? destination.host;
  return clusterName("outbound", destinationPort(destination, context), destination.subset ?? "", host);
}

function offers(
  { host, subset = "", ...destination }: Destination,
  context: RouteContext,
): Readonly<Record<string, Any>> {
  const port = destinationPort({ host, ...destination }, context);
  return offersOf(context.serviceOf(host), port, subset, context.policyOf(host));
}

/** Timeouts of a route: 0 is none. Envoy takes gRPC's own time-out header into account up to the same limit. */
export function timeouts(timeout: string | undefined): Pick<ActionInit, "timeout" | "maxGrpcTimeout"> {
  const limit = durationOf(timeout) ?? duration(0);
  return { timeout: limit, maxGrpcTimeout: limit };
}

/** `authorities`: those that header operations set, of the route and of its only destination. */
function forward(
  { semantics }: RoutingRule,
  http: HTTPRoute,
  match: MatchInit,
  authorities: readonly (string | undefined)[],
  context: RouteContext,
): ActionInit {
  const host = [http.rewrite?.authority, ...authorities].find((authority) => authority);
  const only = soleDestination(http);
  const destinations = only ? [only] : (http.route ?? []).filter(({ weight = 0 }) => weight > 0);
  const hashes = destinations.map(({ destination }) => hashOf(context.policyOf(destination.host), destination));
  const retry = retryPolicy(
    http.retries ?? context.mesh.defaultHttpRetryPolicy,
    only !== undefined && hashes[0] !== undefined,
  );
  return {
    ...timeouts(http.timeout),
    ...(semantics === "gateway" ? gatewayRewrite(http, match) : rewrite(http)),
    ...(host ? { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: host } } : {}),
    ...(context.mesh.http.headers?.forwardedHost ? { appendXForwardedHost: true } : {}),
    clusterSpecifier: only
      ? { case: "cluster", value: cluster(only.destination, context) }
      : { case: "weightedClusters", value: { clusters: destinations.map((item) => weighted(item, context)) } },
    hashPolicy: hashes.map(hashPolicy).filter((policy) => policy !== undefined),
    requestMirrorPolicies: mirrors(http, context),
    // Gateway API: requests for a backend that isn't there are answered with 500.
    ...(semantics === "gateway"
      ? { clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR }
      : {}),
    ...(retry ? { retryPolicy: retry } : {}),
  };
}

function weighted({ destination, weight = 0, headers }: HTTPRouteDestination, context: RouteContext) {
  const { authority, ...edits } = headerEdits(headers);
  return {
    name: cluster(destination, context),
    weight,
    ...edits,
    typedPerFilterConfig: { ...offers(destination, context) },
    ...(authority ? { hostRewriteSpecifier: { case: "hostRewriteLiteral" as const, value: authority } } : {}),
  };
}

function rewrite({ rewrite }: HTTPRoute): Pick<ActionInit, "prefixRewrite" | "regexRewrite"> {
  if (rewrite?.uriRegexRewrite) {
    const { match = "", rewrite: substitution = "" } = rewrite.uriRegexRewrite;
    return { regexRewrite: { pattern: { regex: match }, substitution } };
  }
  return rewrite?.uri ? { prefixRewrite: rewrite.uri } : {};
}

/** Gateway API: a prefix is replaced by whole parts of the path, and `/` stands for none. */
function gatewayRewrite(http: HTTPRoute, match: MatchInit): Pick<ActionInit, "prefixRewrite" | "regexRewrite"> {
  return http.rewrite?.uri ? replacedPrefix(match, http.rewrite.uri) : rewrite(http);
}

/** What puts `replacement` in the place of the prefix that matched, without doubled or missing slashes. */
function replacedPrefix(
  { pathSpecifier }: MatchInit,
  replacement: string,
): Pick<ActionInit, "prefixRewrite" | "regexRewrite"> {
  const trimmed = replacement.replace(/\/$/, "");
  const prefix = pathSpecifier?.case === "pathSeparatedPrefix" ? pathSpecifier.value : "";
  if (trimmed !== "" && prefix !== "") return { prefixRewrite: trimmed };
  const literal = prefix.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return { regexRewrite: { pattern: { regex: `^${literal}/?(.*)$` }, substitution: `${trimmed}/\\1` } };
}

function mirrors(http: HTTPRoute, context: RouteContext): NonNullable<ActionInit["requestMirrorPolicies"]> {
  const percentage = http.mirrorPercentage
    ? fraction(http.mirrorPercentage)
    : hundredths(http.mirrorPercent ?? http.mirror_percent ?? 100);
  const targets = [
    ...(http.mirror ? [{ destination: http.mirror, share: percentage }] : []),
    ...(http.mirrors ?? []).map(({ destination, percentage: own }) => ({
      destination,
      share: own ? fraction(own) : hundredths(100),
    })),
  ];
  return targets
    .filter(({ share }) => share.numerator > 0)
    .map(({ destination, share }) => ({
      cluster: cluster(destination, context),
      runtimeFraction: { defaultValue: share },
      traceSampled: false,
      // Without this Envoy would add `-shadow` to the host.
      disableShadowHostSuffixAppend: true,
    }));
}

const redirectCodes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

/** How the Gateway API's redirects say that only the prefix is replaced. */
const prefixMarker = "%PREFIX()%";

function redirectPath(uri: string, match: MatchInit): NonNullable<RedirectInit["pathRewriteSpecifier"]> {
  if (!uri.startsWith(prefixMarker)) return { case: "pathRedirect", value: uri };
  const { prefixRewrite = "", regexRewrite } = replacedPrefix(match, uri.slice(prefixMarker.length));
  return regexRewrite ? { case: "regexRewrite", value: regexRewrite } : { case: "prefixRewrite", value: prefixRewrite };
}

function redirect(to: HTTPRedirect, match: MatchInit, context: RouteContext): RedirectInit {
  const asked = to.derivePort === "FROM_REQUEST_PORT" ? context.port : (to.port ?? 0);
  const scheme = to.scheme || (context.tls ? "https" : "http");
  const implied = (scheme === "http" && asked === 80) || (scheme === "https" && asked === 443);
  return {
    hostRedirect: to.authority ?? "",
    pathRewriteSpecifier: to.prefixRewrite
      ? { case: "prefixRewrite", value: to.prefixRewrite }
      : redirectPath(to.uri ?? "", match),
    ...(to.scheme ? { schemeRewriteSpecifier: { case: "schemeRedirect", value: to.scheme } } : {}),
    portRedirect: implied ? 0 : asked,
    responseCode: redirectCodes[to.redirectCode || 301] ?? RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  };
}

function directResponse({ status, body }: HTTPDirectResponse) {
  if (body?.string !== undefined) {
    return { status, body: { specifier: { case: "inlineString" as const, value: body.string } } };
  }
  if (body?.bytes !== undefined) {
    const value = new Uint8Array(Buffer.from(body.bytes, "base64"));
    return { status, body: { specifier: { case: "inlineBytes" as const, value } } };
  }
  return { status };
}
