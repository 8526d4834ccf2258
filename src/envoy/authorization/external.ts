import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ApiVersion } from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import type { GrpcService, GrpcServiceSchema } from "#api/envoy/gen/envoy/config/core/v3/grpc_service_pb.js";
import {
  type ExtAuthz,
  ExtAuthzSchema,
  type HttpService,
  type HttpServiceSchema,
} from "#api/envoy/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import {
  type ExtAuthz as NetworkExtAuthz,
  ExtAuthzSchema as NetworkExtAuthzSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import type { AuthorizerSettings, HttpAuthorizer } from "#api/istio/extension-provider.ts";
import { type Authorizer, statusCodes } from "#snapshot/authorizers.ts";
import { clusterName } from "../names.ts";
import { duration, durationOf } from "../proto.ts";
import { exactMatch, type MetadataMatch, metadataMatch, prefixMatch, suffixMatch, textValue } from "./value-match.ts";

type HttpServiceInit = Exclude<MessageInitShape<typeof HttpServiceSchema>, HttpService>;
type GrpcServiceInit = Exclude<MessageInitShape<typeof GrpcServiceSchema>, GrpcService>;

/** What the names of rules begin with that ask an authorizer. */
export function externalRulePrefix(provider: string): string {
  return `istio-ext-authz-${provider}`;
}

/** What comes before the names of what {@link rbacFilter} leaves for the filter that asks. */
export const externalStatPrefix = "istio_ext_authz_";

/** Calls that match a rule which lets the authorizer decide: a filter before said so. */
function isMeant(rbacFilter: string, provider: string): MetadataMatch {
  const value = textValue(prefixMatch(externalRulePrefix(provider)));
  return metadataMatch(rbacFilter, [`${externalStatPrefix}shadow_effective_policy_id`], value);
}

/** Asks about requests. Istio: generateHTTPConfig, generateGRPCConfig. */
export function httpExternalAuthorization(
  authorizer: Exclude<Authorizer, { readonly problem: string }>,
  rbacFilter: string,
): ExtAuthz {
  const { provider, hostname } = authorizer;
  const { envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc = {} } = provider;
  const settings: AuthorizerSettings = http ?? grpc;
  const { failOpen = false, clearRouteCache = false, statusOnError, includeRequestBodyInCheck: body } = settings;
  const { maxRequestBytes = 0, allowPartialMessage = false, packAsBytes = false } = body ?? {};
  const code = statusCodes.get(statusOnError ?? "");
  const checked = headerList(http?.includeRequestHeadersInCheck) ?? headerList(http?.includeHeadersInCheck);
  return create(ExtAuthzSchema, {
    transportApiVersion: ApiVersion.V3,
    services: http
      ? { case: "httpService", value: httpService(http, hostname) }
      : { case: "grpcService", value: grpcService(grpc, hostname) },
    failureModeAllow: failOpen,
    clearRouteCache,
    ...(checked ? { allowedHeaders: checked } : {}),
    ...(code ? { statusOnError: { code } } : {}),
    ...(body ? { withRequestBody: { maxRequestBytes, allowPartialMessage, packAsBytes } } : {}),
    filterEnabledMetadata: isMeant(rbacFilter, provider.name),
  });
}

/** Asks about connections; undefined for an authorizer that only knows requests. */
export function networkExternalAuthorization(
  authorizer: Exclude<Authorizer, { readonly problem: string }>,
  rbacFilter: string,
): NetworkExtAuthz | undefined {
  const { provider, hostname } = authorizer;
  const { envoyExtAuthzGrpc: grpc } = provider;
  if (grpc === undefined) return undefined;
  return create(NetworkExtAuthzSchema, {
    statPrefix: "tcp.",
    transportApiVersion: ApiVersion.V3,
    grpcService: grpcService(grpc, hostname),
    failureModeAllow: grpc.failOpen ?? false,
    filterEnabledMetadata: isMeant(rbacFilter, provider.name),
  });
}

function timeoutOf({ timeout }: AuthorizerSettings) {
  return durationOf(timeout) ?? duration(600_000);
}

function grpcService(settings: AuthorizerSettings, hostname: string): GrpcServiceInit {
  const cluster = clusterName("outbound", settings.port ?? 0, "", hostname);
  return {
    // The name of the cluster, which stands there else, has characters that servers refuse.
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: hostname } },
    timeout: timeoutOf(settings),
  };
}

function httpService(settings: HttpAuthorizer, hostname: string): HttpServiceInit {
  const { port = 0, pathPrefix = "", includeAdditionalHeadersInCheck = {} } = settings;
  const added = Object.entries(includeAdditionalHeadersInCheck).sort(([a], [b]) => (a < b ? -1 : 1));
  const toUpstream = headerList(settings.headersToUpstreamOnAllow);
  const onDeny = headerList(settings.headersToDownstreamOnDeny);
  const onAllow = headerList(settings.headersToDownstreamOnAllow);
  return {
    pathPrefix,
    serverUri: {
      uri: `http://${hostname}`,
      httpUpstreamType: { case: "cluster", value: clusterName("outbound", port, "", hostname) },
      timeout: timeoutOf(settings),
    },
    ...(added.length > 0
      ? { authorizationRequest: { headersToAdd: added.map(([key, value]) => ({ key, value })) } }
      : {}),
    ...(toUpstream || onDeny || onAllow
      ? {
          authorizationResponse: {
            ...(toUpstream ? { allowedUpstreamHeaders: toUpstream } : {}),
            ...(onDeny ? { allowedClientHeaders: onDeny } : {}),
            ...(onAllow ? { allowedClientHeadersOnSuccess: onAllow } : {}),
          },
        }
      : {}),
  };
}

function headerList(names: readonly string[] = []) {
  if (names.length === 0) return undefined;
  return {
    patterns: names.map((name) => {
      if (name.startsWith("*")) return { ...suffixMatch(name.slice(1)), ignoreCase: true };
      if (name.endsWith("*")) return { ...prefixMatch(name.slice(0, -1)), ignoreCase: true };
      return { ...exactMatch(name), ignoreCase: true };
    }),
  };
}
