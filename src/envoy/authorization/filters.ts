import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Filter, FilterSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  RBAC_Action,
  type RBAC as Rbac,
  RBACSchema as RbacSchema,
} from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import { ExtAuthzSchema } from "#api/envoy/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { RBACSchema } from "#api/envoy/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { ExtAuthzSchema as NetworkExtAuthzSchema } from "#api/envoy/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import type { HttpFilter } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRBACSchema } from "#api/envoy/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { AuthorizationAction, AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Authorizer, Authorizers } from "#snapshot/authorizers.ts";
import { configPath } from "../clusters/outbound.ts";
import { httpFilter } from "../filters/http-filter.ts";
import {
  externalRulePrefix,
  externalStatPrefix,
  httpExternalAuthorization,
  networkExternalAuthorization,
} from "./external.ts";
import { rulesOf } from "./rules.ts";

/** What lets calls through to a workload, or doesn't. */
export interface AuthorizationFilters {
  /** Of a connection manager, in their order. */
  readonly http: readonly HttpFilter[];
  /** Of connections that no connection manager sees. */
  readonly tcp: readonly Filter[];
  /** The policies, as paths. */
  readonly madeFrom: readonly string[];
}

const httpRbac = "envoy.filters.http.rbac";
const networkRbac = "envoy.filters.network.rbac";
const networkStats = "tcp.";

/**
 * The filters for the policies of a workload: who else is asked, then what is only logged, then who is forbidden, then who is allowed.
 * Istio: authz/builder.
 */
export const authorizationFilters: (
  policies: readonly AuthorizationPolicy[],
  mesh: MeshConfig,
  authorizers: Authorizers,
) => AuthorizationFilters = memo((policies, mesh, authorizers) => {
  const byAction = Map.groupBy(policies, ({ spec }): AuthorizationAction => spec.action ?? "ALLOW");
  const external = externalFilters(byAction.get("CUSTOM") ?? [], mesh, authorizers);
  const own = (
    [
      ["AUDIT", RBAC_Action.LOG],
      ["DENY", RBAC_Action.DENY],
      ["ALLOW", RBAC_Action.ALLOW],
    ] as const
  ).flatMap(([action, envoys]) => {
    const chosen = byAction.get(action);
    return chosen ? [ownFilters(chosen, mesh, envoys)] : [];
  });
  return {
    http: [...external.http, ...own.map(({ http }) => http)],
    tcp: [...external.tcp, ...own.map(({ tcp }) => tcp)],
    madeFrom: policies.map(({ metadata: { namespace = "", name = "" } }) =>
      configPath("authorization-policy", namespace, name, "security.istio.io"),
    ),
  };
});

function networkFilter<Desc extends DescMessage>(name: string, schema: Desc, config: MessageShape<Desc>): Filter {
  return create(FilterSchema, { name, configType: { case: "typedConfig", value: anyPack(schema, config) } });
}

function ownFilters(policies: readonly AuthorizationPolicy[], mesh: MeshConfig, action: RBAC_Action) {
  const config = (seen: "requests" | "connections") => {
    const { enforced, tried } = rulesOf(policies, mesh, seen, action);
    // Istio: the prefix is there even if nothing is tried.
    const isDenied = tried !== undefined && action === RBAC_Action.DENY;
    return {
      ...(enforced ? { rules: enforced } : {}),
      ...(tried ? { shadowRules: tried } : {}),
      shadowRulesStatPrefix: isDenied ? "istio_dry_run_deny_" : "istio_dry_run_allow_",
    };
  };
  return {
    http: httpFilter(httpRbac, RBACSchema, create(RBACSchema, config("requests"))),
    tcp: networkFilter(
      networkRbac,
      NetworkRBACSchema,
      create(NetworkRBACSchema, { ...config("connections"), statPrefix: networkStats }),
    ),
  };
}

/** For each authorizer a filter that tells which calls it is asked about, and one that asks. */
function externalFilters(
  policies: readonly AuthorizationPolicy[],
  mesh: MeshConfig,
  authorizers: Authorizers,
): Pick<AuthorizationFilters, "http" | "tcp"> {
  const byProvider = [...Map.groupBy(policies, ({ spec }) => spec.provider?.name ?? "")].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const http: HttpFilter[] = [];
  const tcp: Filter[] = [];
  for (const [name, chosen] of byProvider) {
    const authorizer = authorizers.byName.get(name);
    const isChosen = byProvider.length === 1 || authorizers.several;
    const isUsable = isChosen && authorizer !== undefined && !("problem" in authorizer);
    const prefix = `${externalRulePrefix(name)}-`;
    const rules = (seen: "requests" | "connections"): Rbac =>
      rulesOf(chosen, mesh, seen, RBAC_Action.DENY, prefix).enforced ??
      create(RbacSchema, { action: RBAC_Action.DENY });
    http.push(...(isUsable ? askedHttp(authorizer, rules("requests")) : [refusedHttp(rules("requests"))]));
    tcp.push(...(isUsable ? askedTcp(authorizer, rules("connections")) : [refusedTcp(rules("connections"))]));
  }
  return { http, tcp };
}

type Usable = Exclude<Authorizer, { readonly problem: string }>;

function askedHttp(authorizer: Usable, shadowRules: Rbac): readonly HttpFilter[] {
  return [
    httpFilter(httpRbac, RBACSchema, create(RBACSchema, { shadowRules, shadowRulesStatPrefix: externalStatPrefix })),
    httpFilter("envoy.filters.http.ext_authz", ExtAuthzSchema, httpExternalAuthorization(authorizer, httpRbac)),
  ];
}

function askedTcp(authorizer: Usable, shadowRules: Rbac): readonly Filter[] {
  const asks = networkExternalAuthorization(authorizer, networkRbac);
  if (asks === undefined) return [];
  const tells = { shadowRules, shadowRulesStatPrefix: externalStatPrefix, statPrefix: networkStats };
  return [
    networkFilter(networkRbac, NetworkRBACSchema, create(NetworkRBACSchema, tells)),
    networkFilter("envoy.filters.network.ext_authz", NetworkExtAuthzSchema, asks),
  ];
}

/** Nobody can be asked: what somebody should have decided is refused, and the name of the rule says why. */
function refused({ policies }: Rbac): Rbac {
  const named = Object.entries(policies).map(
    ([name, said]) => [`${name}-deny-due-to-bad-CUSTOM-action`, said] as const,
  );
  return create(RbacSchema, { action: RBAC_Action.DENY, policies: Object.fromEntries(named) });
}

function refusedHttp(rules: Rbac): HttpFilter {
  return httpFilter(httpRbac, RBACSchema, create(RBACSchema, { rules: refused(rules) }));
}

function refusedTcp(rules: Rbac): Filter {
  const config = create(NetworkRBACSchema, { rules: refused(rules), statPrefix: networkStats });
  return networkFilter(networkRbac, NetworkRBACSchema, config);
}
