import type { Route, VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { patchedType } from "#config/patch-value.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";
import { changeList, valueOf } from "./insert.ts";
import { mergeMessage } from "./merge.ts";
import { mergeOf, type Patching } from "./patching.ts";
import { type GatewayPortNumbers, matchesHost, matchesRoute, matchesTable } from "./route-match.ts";

const noPorts: GatewayPortNumbers = new Map();

/** Changes a route table in place. Istio: ApplyRouteConfigurationPatches. */
export function patchRouteConfiguration(
  table: RouteConfiguration,
  patching: Patching,
  ports: GatewayPortNumbers = noPorts,
): void {
  const { context } = patching;
  for (const patch of patching.of("ROUTE_CONFIGURATION")) {
    const lists = mergeOf(patch);
    if (lists === undefined || patch.value === undefined || !matchesTable(table, patch, context, ports)) continue;
    mergeMessage(patchedType("ROUTE_CONFIGURATION"), table, patch.value, lists);
    patching.applied(patch);
  }
  const forTable = (patch: Patch): boolean => matchesTable(table, patch, context, ports);
  const hosts = patching.of("VIRTUAL_HOST").filter(forTable);
  const routes = patching.of("HTTP_ROUTE").filter(forTable);
  table.virtualHosts = table.virtualHosts.flatMap((host) => patchHost(host, hosts, routes, patching) ?? []);
  for (const patch of hosts) {
    if (patch.operation !== "ADD") continue;
    table.virtualHosts.push(valueOf(patch));
    patching.applied(patch);
  }
}

/** The host to use; undefined when it is to be removed. */
function patchHost(
  host: VirtualHost,
  patches: readonly Patch[],
  routes: readonly Patch[],
  patching: Patching,
): VirtualHost | undefined {
  let result = host;
  for (const patch of patches) {
    if (!matchesHost(result, patch)) continue;
    const lists = mergeOf(patch);
    if (lists !== undefined && patch.value !== undefined)
      mergeMessage(patchedType("VIRTUAL_HOST"), result, patch.value, lists);
    else if (patch.operation === "REPLACE") result = valueOf(patch);
    else if (patch.operation !== "REMOVE") continue;
    patching.applied(patch);
    if (patch.operation === "REMOVE") return undefined;
  }
  const ofHost = routes.filter((patch) => matchesHost(result, patch));
  result.routes = result.routes.filter((route) => patchRoute(route, ofHost, patching));
  for (const patch of ofHost) if (insertRoute(result.routes, patch)) patching.applied(patch);
  return result;
}

/** False when the route is to be removed. */
function patchRoute(route: Route, patches: readonly Patch[], patching: Patching): boolean {
  for (const patch of patches) {
    if (!matchesRoute(route, patch)) continue;
    const lists = mergeOf(patch);
    if (lists !== undefined && patch.value !== undefined)
      mergeMessage(patchedType("HTTP_ROUTE"), route, patch.value, lists);
    else if (patch.operation !== "REMOVE") continue;
    patching.applied(patch);
    if (patch.operation === "REMOVE") return false;
  }
  return true;
}

function insertRoute(routes: Route[], patch: Patch): boolean {
  // Routes are replaced by removing and adding; removing is done.
  if (patch.operation === "REPLACE" || patch.operation === "REMOVE") return false;
  if (patch.match.routeConfiguration?.vhost?.route === undefined) return changeList(routes, patch, undefined);
  const matches = (route: Route): boolean => matchesRoute(route, patch);
  // First of all routes, but only where the one that is named exists.
  if (patch.operation === "INSERT_FIRST" && !routes.some(matches)) return false;
  return changeList(routes, patch, matches);
}
