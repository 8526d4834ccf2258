import type {
  CorsFilter,
  HeaderFilter,
  MirrorFilter,
  PathModifier,
  RedirectFilter,
  RouteFilter,
} from "#api/gateway-api/route.ts";
import type { CorsPolicy, Headers, HTTPRedirect, HTTPRewrite, HTTPRoute } from "#api/istio/virtual-service.ts";
import { type BackendUser, backend } from "./backends.ts";
import { type ConditionError, joinErrors } from "./conditions.ts";

/** What filters make of a route; `isFatal` when the whole rule is out. */
export interface Filtered {
  readonly route: Pick<HTTPRoute, "headers" | "redirect" | "rewrite" | "mirrors" | "corsPolicy">;
  readonly error?: ConditionError | undefined;
  readonly isFatal?: boolean;
}

/** The filters of a rule. A mirror that isn't there is left out and told. */
export function routeFilters(filters: readonly RouteFilter[], user: BackendUser): Filtered {
  let error: ConditionError | undefined;
  const mirrors: NonNullable<HTTPRoute["mirrors"]>[number][] = [];
  const headers: { request?: Headers["request"]; response?: Headers["response"] } = {};
  let rest: Pick<HTTPRoute, "redirect" | "rewrite" | "corsPolicy"> = {};
  for (const filter of filters) {
    if (filter.requestHeaderModifier) headers.request = headerOperations(filter.requestHeaderModifier);
    else if (filter.responseHeaderModifier) headers.response = headerOperations(filter.responseHeaderModifier);
    else if (filter.requestRedirect) rest = { ...rest, redirect: redirect(filter.requestRedirect) };
    else if (filter.urlRewrite) rest = { ...rest, ...rewrite(filter.urlRewrite) };
    else if (filter.cors) rest = { ...rest, corsPolicy: cors(filter.cors) };
    else if (filter.requestMirror) {
      const found = mirror(filter.requestMirror, user);
      error = joinErrors(error, found.error);
      if (found.policy) mirrors.push(found.policy);
    } else {
      const message = `unsupported filter type "${filter.type}"`;
      return { route: {}, error: { reason: "InvalidFilter", message }, isFatal: true };
    }
  }
  return {
    route: {
      ...(headers.request || headers.response ? { headers: headers as Headers } : {}),
      ...rest,
      ...(mirrors.length > 0 ? { mirrors } : {}),
    },
    error,
  };
}

/** The filters of a single backend: headers only. */
export function backendFilters(filters: readonly RouteFilter[]): { readonly headers?: Headers } | ConditionError {
  let headers: Headers = {};
  for (const filter of filters) {
    if (filter.requestHeaderModifier) headers = { ...headers, request: headerOperations(filter.requestHeaderModifier) };
    else if (filter.responseHeaderModifier)
      headers = { ...headers, response: headerOperations(filter.responseHeaderModifier) };
    else return { reason: "InvalidFilter", message: `unsupported filter type "${filter.type}"` };
  }
  return Object.keys(headers).length > 0 ? { headers } : {};
}

function headerOperations({ set, add, remove }: HeaderFilter): NonNullable<Headers["request"]> {
  return {
    ...(set?.length ? { set: headerMap(set) } : {}),
    ...(add?.length ? { add: headerMap(add) } : {}),
    ...(remove?.length ? { remove } : {}),
  };
}

/** Names in small letters; of equal names the first counts. */
function headerMap(headers: NonNullable<HeaderFilter["set"]>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { name, value } of headers) result[name.toLowerCase()] ??= value;
  return result;
}

function redirect({ scheme, hostname, path, port, statusCode }: RedirectFilter): HTTPRedirect {
  return {
    // Gateway API: 302 unless said otherwise; a VirtualService means 301.
    redirectCode: statusCode ?? 302,
    ...(hostname === undefined ? {} : { authority: hostname }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(port === undefined
      ? { derivePort: scheme === undefined ? ("FROM_REQUEST_PORT" as const) : ("FROM_PROTOCOL_DEFAULT" as const) }
      : { port }),
    ...(path === undefined ? {} : { uri: redirectPath(path) }),
  };
}

/** Istio's way to say that only the prefix that matched is replaced. */
const replacesPrefix = "%PREFIX()%";

function redirectPath({ type, replaceFullPath = "", replacePrefixMatch = "" }: PathModifier): string {
  return type === "ReplaceFullPath" ? replaceFullPath : `${replacesPrefix}${replacePrefixMatch}`;
}

function rewrite({ hostname, path }: NonNullable<RouteFilter["urlRewrite"]>): { readonly rewrite?: HTTPRewrite } {
  const change: HTTPRewrite = {
    ...(hostname === undefined ? {} : { authority: hostname }),
    ...(path?.type === "ReplacePrefixMatch" ? { uri: path.replacePrefixMatch?.replace(/\/$/, "") || "/" } : {}),
    ...(path?.type === "ReplaceFullPath"
      ? { uriRegexRewrite: { match: "/.*", rewrite: path.replaceFullPath ?? "/" } }
      : {}),
  };
  return Object.keys(change).length > 0 ? { rewrite: change } : {};
}

function mirror({ backendRef, percent, fraction }: MirrorFilter, user: BackendUser) {
  const { destination, error } = backend(backendRef, user);
  if (error !== undefined || destination === undefined) return { error };
  const value = fraction ? (100 * fraction.numerator) / (fraction.denominator ?? 100) : percent;
  return { policy: { destination, ...(value === undefined ? {} : { percentage: { value } }) } };
}

function cors(filter: CorsFilter): CorsPolicy {
  return {
    allowOrigins: (filter.allowOrigins ?? []).filter((origin) => origin !== "").map(originMatch),
    ...(filter.allowMethods?.length ? { allowMethods: filter.allowMethods } : {}),
    ...(filter.allowHeaders?.length ? { allowHeaders: filter.allowHeaders } : {}),
    ...(filter.exposeHeaders?.length ? { exposeHeaders: filter.exposeHeaders } : {}),
    ...(filter.allowCredentials ? { allowCredentials: true } : {}),
    // Gateway API: 5 seconds unless said otherwise.
    maxAge: `${filter.maxAge || 5}s`,
    unmatchedPreflights: "IGNORE",
  };
}

/** `*` is any origin, and stands for a part of one in `https://*.example.com`. */
function originMatch(origin: string): NonNullable<CorsPolicy["allowOrigins"]>[number] {
  if (!origin.includes("*")) return { exact: origin };
  return { regex: origin.split("*").map(escapeRegex).join(".*") };
}

function escapeRegex(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}
