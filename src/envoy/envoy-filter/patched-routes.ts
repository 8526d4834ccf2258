import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { memo } from "#model/memo.ts";
import type { Patches } from "#snapshot/envoy-filters.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { listOf, type ResourceSet, sharedList, sharedSet } from "#xds/resource-set.ts";
import { mergeGateways } from "../gateways/servers.ts";
import { outbound, type Place, patched } from "./patched-resource.ts";
import { startPatching } from "./patching.ts";
import type { GatewayPortNumbers } from "./route-match.ts";
import { patchRouteConfiguration } from "./routes.ts";

const gatewayPorts = memo((view: ProxyView): GatewayPortNumbers => {
  const ports = mergeGateways(view.gateways, view.targets).map(
    ({ port, servers }) => [port, new Set(servers.map(({ number }) => number))] as const,
  );
  return new Map(ports);
});
const noPorts: GatewayPortNumbers = new Map();

const patchedTable = memo(
  (resource: Resource, patches: Patches, { context }: Place, ports: GatewayPortNumbers): Resource | undefined => {
    const patching = startPatching(patches, context);
    return patched<RouteConfiguration>("ROUTE_CONFIGURATION", resource, patching, (table) => {
      patchRouteConfiguration(table, patching, ports);
      return true;
    });
  },
);

/** The route tables of a proxy after its patches. */
export function patchedRoutes(view: ProxyView, set: ResourceSet): ResourceSet {
  const { patches } = view;
  if (!patches) return set;
  const place = outbound(view);
  const patching = startPatching(patches, place.context);
  const isConcerned = (["ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"] as const).some(
    (type) => patching.of(type).length > 0,
  );
  if (!isConcerned) return set;
  const ports = view.proxy.type === "router" ? gatewayPorts(view) : noPorts;
  return sharedSet(sharedList(listOf(set).flatMap((table) => patchedTable(table, patches, place, ports) ?? [])));
}
