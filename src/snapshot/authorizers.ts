import { StatusCode } from "#api/envoy/gen/envoy/type/v3/http_status_pb.js";
import type { AuthorizerSettings, ExtensionProvider, HttpAuthorizer } from "#api/istio/extension-provider.ts";
import { keepMap, memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";

/** Somebody that policies let decide, or why they can't. */
export type Authorizer =
  | { readonly provider: ExtensionProvider; readonly hostname: string }
  | { readonly provider: ExtensionProvider; readonly problem: string };

export interface Authorizers {
  readonly byName: ReadonlyMap<string, Authorizer>;
  /** Whether policies of one workload may let several decide: all of them must agree then. */
  readonly several: boolean;
}

/** One object for each outcome, so that what is made from it can be remembered by its identity. */
const outcomes = memo((_provider: ExtensionProvider) => new Map<string, Authorizer>());

function outcome(provider: ExtensionProvider, key: string, make: () => Authorizer): Authorizer {
  const known = outcomes(provider);
  const found = known.get(key) ?? Object.freeze(make());
  known.set(key, found);
  return found;
}

/** The mesh's extension providers that authorize. The same object as long as nothing in it changes. Istio: processExtensionProvider. */
export function authorizersOf(
  previous: Authorizers | undefined,
  { extensionProviders }: MeshConfig,
  services: readonly Service[],
  several = false,
): Authorizers {
  const authorizers = new Map<string, Authorizer>();
  for (const provider of extensionProviders) {
    const settings = provider.envoyExtAuthzHttp ?? provider.envoyExtAuthzGrpc;
    if (settings === undefined) continue;
    const found = authorizers.has(provider.name)
      ? { problem: `two extension providers are called ${JSON.stringify(provider.name)}` }
      : (wrongIn(settings) ?? hostOf(settings.service ?? "", services));
    authorizers.set(
      provider.name,
      "problem" in found
        ? outcome(provider, `! ${found.problem}`, () => ({ provider, ...found }))
        : outcome(provider, found.hostname, () => ({ provider, ...found })),
    );
  }
  const byName = keepMap(previous?.byName, authorizers);
  return byName === previous?.byName && several === previous.several ? previous : { byName, several };
}

type Found = { readonly hostname: string } | { readonly problem: string };

/** Istio: LookupCluster. */
function hostOf(name: string, services: readonly Service[]): Found {
  const [namespace, hostname = ""] = name.includes("/") ? name.split("/") : [undefined, name];
  const found = services.filter((service) => service.hostname === hostname);
  if (namespace === undefined && new Set(found.map((service) => service.namespace)).size > 1)
    return { problem: `service ${hostname} is in several namespaces: write NAMESPACE/${hostname}` };
  const service = found.find((one) => namespace === undefined || one.namespace === namespace);
  return service ? { hostname } : { problem: `there is no service ${name || '""'}` };
}

/** Istio: ValidateExtensionProviderEnvoyExtAuthzHTTP, buildExtAuthzHTTP. */
function wrongIn(settings: AuthorizerSettings & HttpAuthorizer): { readonly problem: string } | undefined {
  const { port = 0, statusOnError, pathPrefix = "", includeRequestBodyInCheck: body } = settings;
  const headers = {
    includeRequestHeadersInCheck: settings.includeRequestHeadersInCheck,
    includeHeadersInCheck: settings.includeHeadersInCheck,
    headersToUpstreamOnAllow: settings.headersToUpstreamOnAllow,
    headersToDownstreamOnDeny: settings.headersToDownstreamOnDeny,
    headersToDownstreamOnAllow: settings.headersToDownstreamOnAllow,
  };
  const starred = Object.entries(headers).find(([, list]) => list?.includes("*"));
  if (!(port >= 1 && port <= 65535)) return { problem: `port ${port} isn't between 1 and 65535` };
  if (statusOnError && !statusCodes.has(statusOnError))
    return { problem: `statusOnError ${statusOnError} is no HTTP status` };
  if (pathPrefix !== "" && !pathPrefix.startsWith("/")) return { problem: `pathPrefix ${pathPrefix} has no leading /` };
  if (body && !((body.maxRequestBytes ?? 0) >= 1))
    return { problem: "includeRequestBodyInCheck.maxRequestBytes must be positive" };
  return starred && { problem: `${starred[0]}: a single * isn't supported: write prefix* or *suffix` };
}

/** HTTP statuses that Envoy has names for. */
export const statusCodes: ReadonlyMap<string, StatusCode> = new Map(
  Object.values(StatusCode).flatMap((code) =>
    typeof code === "number" && code !== StatusCode.Empty ? [[String(code), code]] : [],
  ),
);
