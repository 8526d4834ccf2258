import type { Filter } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { HttpFilter } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { memo } from "#model/memo.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { type AuthorizationFilters, authorizationFilters } from "../authorization/filters.ts";
import { jwtFilter, jwtSources } from "./jwt.ts";

/** The filters that decide what may come in. */
export interface SecurityFilters {
  /** For requests, in the order they pass them: who asks comes before what that one may. */
  readonly http: readonly HttpFilter[];
  /** For connections that no connection manager sees. */
  readonly tcp: readonly Filter[];
  /** The policies that are to be told if a proxy refuses them, as paths. */
  readonly madeFrom: readonly string[];
}

type Secured = Pick<ProxyView, "tokenRules" | "authorizationPolicies" | "authorizers" | "mesh" | "proxy">;

/** The same for all proxies that have the same filters. */
export function securityFilters(view: Secured): SecurityFilters {
  const authorization = authorizationFilters(view.authorizationPolicies, view.mesh, view.authorizers);
  const jwt = jwtFilter(view.tokenRules, view.proxy.type);
  return jwt === undefined ? authorization : behind(jwt, jwtSources(view.tokenRules), authorization);
}

const behind = memo((jwt: HttpFilter, madeFrom: readonly string[], authorization: AuthorizationFilters) => ({
  ...authorization,
  http: [jwt, ...authorization.http],
  madeFrom: [...madeFrom, ...authorization.madeFrom],
}));
