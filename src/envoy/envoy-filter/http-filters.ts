import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Filter, FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type {
  HttpConnectionManager,
  HttpFilter,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";
import { changeList, valueOf } from "./insert.ts";
import { filterName, matchesChain, matchesListener, subFilterName } from "./listener-match.ts";
import { mergeFilter } from "./merge-filter.ts";
import { mergeOf, type Patching } from "./patching.ts";
import { patchRouteConfiguration } from "./routes.ts";

/** Patches the HTTP filters of a connection manager, and the routes that are part of it. Istio: patchHTTPFilters. */
export function patchConnectionManager(
  listener: Listener,
  chain: FilterChain,
  filter: Filter,
  patching: Patching,
): void {
  if (filter.configType.case !== "typedConfig") return;
  const patches = patching.of("HTTP_FILTER").filter((patch) => {
    const name = filterName(patch);
    if (name !== undefined && name !== filter.name) return false;
    return matchesListener(listener, patch) && matchesChain(listener, chain, patch);
  });
  const patchesRoutes = (["ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"] as const).some(
    (applyTo) => patching.of(applyTo).length > 0,
  );
  if (patches.length === 0 && !patchesRoutes) return;
  const manager = anyUnpack(filter.configType.value, envoyTypes()) as HttpConnectionManager | undefined;
  if (manager === undefined) return;
  const type = envoyTypes().getMessage(manager.$typeName);
  if (type === undefined || !("httpFilters" in manager)) return;
  if (manager.routeSpecifier.case === "routeConfig") patchRouteConfiguration(manager.routeSpecifier.value, patching);
  for (const patch of patches) if (changeHttpFilters(manager.httpFilters, patch)) patching.applied(patch);
  for (const httpFilter of manager.httpFilters) {
    for (const patch of patches) {
      const name = subFilterName(patch);
      if (mergeOf(patch) && (name === undefined || name === httpFilter.name)) mergeFilter(httpFilter, patch, patching);
    }
  }
  filter.configType.value = anyPack(type, manager);
}

function changeHttpFilters(filters: HttpFilter[], patch: Patch): boolean {
  if (patch.operation === "ADD" && patch.filterClass !== "UNSPECIFIED") {
    filters.splice(placeOf(filters, patch.filterClass), 0, valueOf(patch));
    return true;
  }
  const name = subFilterName(patch);
  return changeList(filters, patch, name === undefined ? undefined : (filter) => filter.name === name);
}

const authentication = /^envoy\.filters\.http\.jwt_authn/;
const authorization = /^envoy\.filters\.http\.(?:jwt_authn|rbac|ext_authz)/;

/** After the filters that authenticate or authorize; those for metrics before the router. Istio: EnvoyFilter.Patch.FilterClass. */
function placeOf(filters: readonly HttpFilter[], filterClass: Patch["filterClass"]): number {
  if (filterClass !== "STATS") {
    const before = filterClass === "AUTHN" ? authentication : authorization;
    return filters.findLastIndex(({ name }) => before.test(name)) + 1;
  }
  const router = filters.findIndex(({ name }) => name === "envoy.filters.http.router");
  return router < 0 ? filters.length : router;
}
