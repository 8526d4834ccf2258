import { STATUS_CODES } from "node:http";
import { RE2JS } from "re2js";
import type { StringMatch } from "#api/istio/string-match.ts";
import type {
  CorsPolicy,
  Destination,
  HTTPFaultInjection,
  HTTPMatchRequest,
  HTTPRetry,
  HTTPRewrite,
  HTTPRoute,
  Percent,
} from "#api/istio/virtual-service.ts";
import { claimOf } from "#model/claim-route.ts";
import { checkHeaders, isAuthority, isHeaderName, isMatchableHeader } from "./header-rules.ts";
import { isHostPattern } from "./host-rules.ts";
import { checkLabels } from "./label-rules.ts";
import type { Report } from "./report.ts";

/** Where a route may stand. A delegate is a VirtualService without hosts; its routes are put in where another names it. */
export interface RouteSetting {
  readonly delegate: boolean;
  /** Used at a gateway and not in sidecars, where claims of a token are known. */
  readonly gatewayOnly: boolean;
}

const maxBody = 1024 * 1024;
const largeBody = 100 * 1024;

/** Istio: validateHTTPRoute. */
export function checkHttpRoute(route: HTTPRoute, field: string, setting: RouteSetting, report: Report): void {
  checkAction(route, field, setting, report);
  (route.match ?? []).forEach((match, index) => {
    if (match !== null) checkMatch(match, `${field}.match[${index}]`, setting, report);
  });
  checkRoutes(route.route, `${field}.route`, report);
  for (const [index, { headers }] of (route.route ?? []).entries()) {
    checkHeaders(headers, `${field}.route[${index}].headers`, report);
  }
  checkHeaders(route.headers, `${field}.headers`, report);
  checkFault(route.fault, `${field}.fault`, report);
  checkCors(route.corsPolicy, `${field}.corsPolicy`, report);
  checkRetries(route.retries, `${field}.retries`, report);
  checkRewrite(route.rewrite, `${field}.rewrite`, report);
  checkAuthority(route, field, report);
  checkRedirect(route, `${field}.redirect`, report);
  checkDirectResponse(route.directResponse, `${field}.directResponse`, report);
  checkMirrors(route, field, report);
}

function checkAction(route: HTTPRoute, field: string, setting: RouteSetting, report: Report): void {
  const actions = ["route", "redirect", "directResponse", "delegate"] as const;
  const given = actions.filter((name) =>
    name === "route" ? (route.route?.length ?? 0) > 0 : route[name] !== undefined,
  );
  if (given.length === 0) report.error(field, "needs one of route, redirect, directResponse and delegate");
  if (given.length > 1) report.error(field, `has more than one of ${given.join(" and ")}`);
  if (setting.delegate && route.delegate)
    report.error(`${field}.delegate`, "must not be in a VirtualService that has no hosts");
  if (route.redirect && (route.fault || route.rewrite))
    report.error(`${field}.redirect`, "doesn't go with fault or rewrite");
}

/** Weighted destinations. */
export function checkRoutes(
  routes: readonly { readonly destination: Destination; readonly weight?: number }[] | undefined,
  field: string,
  report: Report,
): void {
  const list = routes ?? [];
  list.forEach(({ destination, weight = 0 }, index) => {
    checkDestination(destination, `${field}[${index}].destination`, report);
    if (weight < 0) report.error(`${field}[${index}].weight`, "must not be negative", weight);
  });
  if (list.length > 1 && list.every(({ weight = 0 }) => weight === 0)) {
    report.error(field, "has several destinations and no weight above 0");
  }
}

function checkDestination(destination: Destination, field: string, report: Report): void {
  const { host, subset, port } = destination;
  if (host === "*") report.error(`${field}.host`, "must not be every host", host);
  else if (!isHostPattern(host)) report.error(`${field}.host`, "must be the name of a service", host);
  if (subset !== undefined && subset !== "" && !/^[-A-Za-z0-9_.]+$/.test(subset)) {
    report.error(`${field}.subset`, "must be the name of a subset", subset);
  }
  if (port?.number !== undefined) checkPort(port.number, `${field}.port.number`, report);
}

export function checkPort(port: number, field: string, report: Report): void {
  if (port < 1 || port > 65535) report.error(field, "must be a port from 1 to 65535", port);
}

function checkMatch(match: HTTPMatchRequest, field: string, setting: RouteSetting, report: Report): void {
  for (const part of ["uri", "scheme", "method", "authority"] as const) {
    checkStringMatch(match[part], `${field}.${part}`, false, report);
  }
  for (const part of ["headers", "withoutHeaders"] as const) {
    for (const [name, value] of Object.entries(match[part] ?? {})) {
      const at = `${field}.${part}[${JSON.stringify(name)}]`;
      if (claimOf(name)) {
        if (!setting.gatewayOnly) report.error(at, "claims of a token can only be matched at gateways", name);
      } else if (!isMatchableHeader(name)) report.error(at, "is not a header name", name);
      checkStringMatch(value, at, true, report);
    }
  }
  for (const [name, value] of Object.entries(match.queryParams ?? {})) {
    checkStringMatch(value, `${field}.queryParams[${JSON.stringify(name)}]`, true, report);
  }
  if (match.port !== undefined && match.port !== 0) checkPort(match.port, `${field}.port`, report);
  checkLabels(match.sourceLabels, `${field}.sourceLabels`, report);
}

/** An empty match means "present" where that can be asked; an empty prefix or expression says nothing. */
function checkStringMatch(match: StringMatch | undefined, field: string, presence: boolean, report: Report): void {
  if (match === undefined) return;
  const given = (["exact", "prefix", "regex"] as const).filter((form) => match[form] !== undefined);
  if (given.length > 1) report.error(field, `has more than one of ${given.join(" and ")}`);
  if (given.length === 0 && !presence) report.error(field, "needs one of exact, prefix and regex");
  if (match.prefix === "") report.error(`${field}.prefix`, "must not be empty", match.prefix);
  if (match.regex === "") report.error(`${field}.regex`, "must not be empty", match.regex);
  else if (match.regex !== undefined && match.regex !== "*") checkRegex(match.regex, `${field}.regex`, report);
}

function checkRegex(pattern: string, field: string, report: Report): void {
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    report.error(field, `is not an RE2 expression: ${error instanceof Error ? error.message : String(error)}`, pattern);
  }
}

function checkPercent(percentage: Percent | undefined, field: string, report: Report): void {
  const value = percentage?.value ?? 0;
  if (value < 0 || value > 100) report.error(`${field}.value`, "must be from 0 to 100", value);
  else if (value > 0 && value < 0.0001) report.error(`${field}.value`, "must be 0 or at least 0.0001", value);
}

const grpcStatuses =
  /^(OK|CANCELLED|UNKNOWN|INVALID_ARGUMENT|DEADLINE_EXCEEDED|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS|UNAUTHENTICATED)$/;

function checkFault(fault: HTTPFaultInjection | undefined, field: string, report: Report): void {
  if (fault === undefined) return;
  const { delay, abort } = fault;
  if (!delay && !abort) report.error(field, "needs a delay or an abort");
  if (delay) {
    checkPercent(delay.percentage, `${field}.delay.percentage`, report);
    checkPercent({ value: delay.percent ?? 0 }, `${field}.delay.percent`, report);
    if (delay.fixedDelay === undefined) report.error(`${field}.delay.fixedDelay`, "is required");
  }
  if (abort) {
    checkPercent(abort.percentage, `${field}.abort.percentage`, report);
    if (abort.httpStatus === undefined && abort.grpcStatus === undefined)
      report.error(`${field}.abort`, "needs a status");
    if (abort.httpStatus !== undefined && (abort.httpStatus < 200 || abort.httpStatus > 600)) {
      report.error(`${field}.abort.httpStatus`, "must be from 200 to 600", abort.httpStatus);
    }
    if (abort.grpcStatus !== undefined && !grpcStatuses.test(abort.grpcStatus)) {
      report.error(
        `${field}.abort.grpcStatus`,
        "must be the name of a gRPC status such as UNAVAILABLE",
        abort.grpcStatus,
      );
    }
  }
}

function checkCors(policy: CorsPolicy | undefined, field: string, report: Report): void {
  if (policy === undefined) return;
  (policy.allowOrigins ?? []).forEach((origin, index) => {
    checkStringMatch(origin, `${field}.allowOrigins[${index}]`, false, report);
    if (origin.exact === "") report.error(`${field}.allowOrigins[${index}].exact`, "must not be empty", "");
  });
  for (const part of ["allowHeaders", "exposeHeaders"] as const) {
    (policy[part] ?? []).forEach((name, index) => {
      if (!isHeaderName(name)) report.error(`${field}.${part}[${index}]`, "is not a header name", name);
    });
  }
}

const retryConditions: ReadonlySet<string> = new Set([
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

function checkRetries(retries: HTTPRetry | undefined, field: string, report: Report): void {
  if (retries === undefined) return;
  const { attempts = 0, perTryTimeout, retryOn } = retries;
  if (attempts < 0) report.error(`${field}.attempts`, "must not be negative", attempts);
  if (attempts === 0 && (perTryTimeout !== undefined || retryOn)) {
    report.error(`${field}.attempts`, "must be above 0 when there are other settings for retries", attempts);
  }
  for (const part of (retryOn ?? "").split(",").map((item) => item.trim())) {
    if (part === "" || part in STATUS_CODES || retryConditions.has(part)) continue;
    report.error(`${field}.retryOn`, "has a condition that Envoy doesn't know", part);
  }
}

function checkRewrite(rewrite: HTTPRewrite | undefined, field: string, report: Report): void {
  if (rewrite === undefined) return;
  const { uri, authority, uriRegexRewrite } = rewrite;
  if (uri && uriRegexRewrite) report.error(field, "has both uri and uriRegexRewrite");
  if (!uri && !authority && !uriRegexRewrite) report.error(field, "needs uri, uriRegexRewrite or authority");
  if (uriRegexRewrite === undefined) return;
  if (!uriRegexRewrite.match) report.error(`${field}.uriRegexRewrite.match`, "is required");
  else checkRegex(uriRegexRewrite.match, `${field}.uriRegexRewrite.match`, report);
  if (!uriRegexRewrite.rewrite) report.error(`${field}.uriRegexRewrite.rewrite`, "is required");
}

/** Envoy gives a request one new authority. Istio: validateAuthorityRewrite. */
function checkAuthority({ rewrite, headers }: HTTPRoute, field: string, report: Report): void {
  const places = [
    ...(rewrite?.authority ? ["rewrite.authority"] : []),
    ...(["set", "add"] as const).flatMap((verb) =>
      Object.keys(headers?.request?.[verb] ?? {})
        .filter(isAuthority)
        .map((name) => `headers.request.${verb}[${JSON.stringify(name)}]`),
    ),
  ];
  if (places.length > 1) report.error(`${field}.${places[1]}`, `sets the authority, which ${places[0]} does too`);
}

function checkRedirect(route: HTTPRoute, field: string, report: Report): void {
  const { redirect } = route;
  if (redirect === undefined) return;
  const { uri, prefixRewrite, authority, scheme, port, redirectCode = 0 } = redirect;
  if (!uri && !prefixRewrite && !authority && !scheme && port === undefined && redirectCode === 0) {
    report.error(field, "needs uri, authority, scheme, port or redirectCode");
  }
  if (redirectCode !== 0 && ![301, 302, 303, 307, 308].includes(redirectCode)) {
    report.error(`${field}.redirectCode`, "must be 301, 302, 303, 307 or 308", redirectCode);
  }
  if (uri && prefixRewrite) report.error(field, "has both uri and prefixRewrite");
  if (
    prefixRewrite &&
    (route.match ?? []).some((match) => match?.uri !== undefined && match.uri.prefix === undefined)
  ) {
    report.error(`${field}.prefixRewrite`, "needs matches by prefix", prefixRewrite);
  }
}

function checkDirectResponse(response: HTTPRoute["directResponse"], field: string, report: Report): void {
  if (response === undefined) return;
  const { status, body } = response;
  if (status < 200 || status > 600) report.error(`${field}.status`, "must be from 200 to 600", status);
  const size = Buffer.byteLength(body?.string ?? "") + Buffer.byteLength(body?.bytes ?? "", "base64");
  if (size > maxBody) report.error(`${field}.body`, "must not be larger than 1 MiB");
  else if (size > largeBody) report.warning(`${field}.body`, "is large: every proxy keeps it in memory");
}

function checkMirrors(route: HTTPRoute, field: string, report: Report): void {
  const { mirror, mirrors, mirrorPercentage, mirror_percent } = route;
  const mirrorPercent = route.mirrorPercent ?? mirror_percent;
  if (mirror && mirrors && mirrors.length > 0) report.error(field, "has both mirror and mirrors");
  if (mirror) checkDestination(mirror, `${field}.mirror`, report);
  (mirrors ?? []).forEach((item, index) => {
    checkDestination(item.destination, `${field}.mirrors[${index}].destination`, report);
    checkPercent(item.percentage, `${field}.mirrors[${index}].percentage`, report);
  });
  checkPercent(mirrorPercentage, `${field}.mirrorPercentage`, report);
  if (mirrorPercent === undefined) return;
  checkPercent({ value: mirrorPercent }, `${field}.mirrorPercent`, report);
  report.warning(`${field}.mirrorPercent`, "is old: use mirrorPercentage");
}
