import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  type JwtAuthentication,
  JwtAuthenticationSchema,
  type JwtProvider,
  JwtProviderSchema,
  type JwtRequirement,
  JwtRequirementSchema,
} from "#api/envoy/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { HttpFilter } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { memo } from "#model/memo.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { TokenRule } from "#snapshot/token-rules.ts";
import { configPath } from "../clusters/outbound.ts";
import { clusterName } from "../names.ts";
import { duration } from "../proto.ts";
import { httpFilter } from "./http-filter.ts";

/** Whose dynamic metadata has the claims of a token that was checked, below {@link claimsKey}. */
export const jwtFilterName = "envoy.filters.http.jwt_authn";
export const claimsKey = "payload";

type KeySpecifier = NonNullable<
  Exclude<MessageInitShape<typeof JwtProviderSchema>, JwtProvider>["jwksSourceSpecifier"]
>;

/**
 * The filter that checks tokens. A request with a token that isn't valid is refused (401), one without is let through unless the
 * rule says that it must have one. Istio: convertToEnvoyJwtConfig.
 */
const build = memo((rules: readonly TokenRule[]) => ({
  madeFrom: [...new Set(rules.map(pathOf))],
  sidecar: httpFilter(jwtFilterName, JwtAuthenticationSchema, jwtConfig(rules, false)),
  // Routes of gateways may ask for claims: they are looked for again when these are known.
  router: httpFilter(jwtFilterName, JwtAuthenticationSchema, jwtConfig(rules, true)),
}));

/** The same object for the same rules; undefined without any. */
export function jwtFilter(rules: readonly TokenRule[], proxyType: "sidecar" | "router"): HttpFilter | undefined {
  return rules.length === 0 ? undefined : build(rules)[proxyType];
}

/** The policies that the filter is made from, as paths. */
export function jwtSources(rules: readonly TokenRule[]): readonly string[] {
  return rules.length === 0 ? [] : build(rules).madeFrom;
}

function pathOf({ policy: { metadata } }: TokenRule): string {
  const { namespace = "", name = "" } = metadata;
  return configPath("request-authentication", namespace, name, "security.istio.io");
}

/** Istio's names of the providers are `origins-` and a number. */
function jwtConfig(rules: readonly TokenRule[], clearRouteCache: boolean): JwtAuthentication {
  const named = rules.map((rule, index) => [`origins-${index}`, rule] as const);
  return create(JwtAuthenticationSchema, {
    providers: Object.fromEntries(named.map(([name, rule]) => [name, provider(rule, clearRouteCache)])),
    rules: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        requirementType: { case: "requires", value: requirement(named) },
      },
    ],
    bypassCorsPreflight: true,
  });
}

function provider({ rule, keys }: TokenRule, clearRouteCache: boolean): JwtProvider {
  return create(JwtProviderSchema, {
    issuer: rule.issuer ?? "",
    audiences: [...(rule.audiences ?? [])],
    jwksSourceSpecifier: keySpecifier(keys),
    forward: rule.forwardOriginalToken ?? false,
    forwardPayloadHeader: rule.outputPayloadToHeader ?? "",
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = "" }) => ({ name, valuePrefix: prefix })),
    fromParams: [...(rule.fromParams ?? [])],
    fromCookies: [...(rule.fromCookies ?? [])],
    claimToHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
      headerName: header,
      claimName: claim,
    })),
    payloadInMetadata: claimsKey,
    normalizePayloadInMetadata: { spaceDelimitedClaims: [...spaceDelimitedClaims(rule.spaceDelimitedClaims)] },
    clearRouteCache,
  });
}

function keySpecifier(keys: TokenRule["keys"]): KeySpecifier {
  if ("text" in keys) {
    return { case: "localJwks", value: { specifier: { case: "inlineString", value: keys.text } } };
  }
  return {
    case: "remoteJwks",
    value: {
      httpUri: {
        uri: keys.uri,
        httpUpstreamType: { case: "cluster", value: clusterName("outbound", keys.port, "", keys.hostname) },
        timeout: duration(keys.timeoutMs),
      },
      cacheDuration: duration(300_000),
    },
  };
}

/** Claims whose texts are lists of words. Istio: buildSpaceDelimitedClaims. */
export function spaceDelimitedClaims(claims: readonly string[] = []): readonly string[] {
  return [...new Set(["permission", "scope", ...claims])].sort(compareText);
}

/**
 * Tokens at places of their own must each be valid if they are there. Tokens that may be at one place can't: each of the others'
 * would be wrong, so one that is valid is enough. Where a rule wants its token to be there, there is no such short cut.
 */
function requirement(named: readonly (readonly [string, TokenRule])[]): JwtRequirement {
  const each = named.map(([name, { rule }]) =>
    rule.presence === "REQUIRED" ? byProvider(name) : anyOf([byProvider(name), allowMissing]),
  );
  const [only] = each;
  if (only !== undefined && each.length === 1) return only;
  const all = create(JwtRequirementSchema, {
    requiresType: { case: "requiresAll", value: { requirements: each } },
  });
  if (named.some(([, { rule }]) => rule.presence === "REQUIRED")) return all;
  return anyOf([...named.map(([name]) => byProvider(name)), all]);
}

const allowMissing = create(JwtRequirementSchema, {
  requiresType: { case: "allowMissing", value: create(EmptySchema) },
});

function byProvider(name: string): JwtRequirement {
  return create(JwtRequirementSchema, { requiresType: { case: "providerName", value: name } });
}

function anyOf(requirements: JwtRequirement[]): JwtRequirement {
  return create(JwtRequirementSchema, { requiresType: { case: "requiresAny", value: { requirements } } });
}
