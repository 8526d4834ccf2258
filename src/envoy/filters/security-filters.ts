import type { HttpFilter } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { internList } from "#model/intern.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { jwtFilter } from "./jwt.ts";

/**
 * The filters that decide whether a request may come in, in the order it passes them: who asks comes before what that one may. The
 * same list for all proxies that have the same filters.
 */
export function securityFilters({ tokenRules, proxy }: Pick<ProxyView, "tokenRules" | "proxy">): readonly HttpFilter[] {
  const jwt = jwtFilter(tokenRules, proxy.type);
  return internList(jwt === undefined ? [] : [jwt]);
}
