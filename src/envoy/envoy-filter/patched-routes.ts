import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { memo } from "#model/memo.ts";
import type { Patches } from "#snapshot/envoy-filters.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
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

/** A route table of a proxy after its patches. */
export function patchedRoutes(view: ProxyView, resource: Resource | undefined): Resource | undefined {
  const { patches } = view;
  if (!patches || !resource) return resource;
  const place = outbound(view);
  const patching = startPatching(patches, place.context);
  const isConcerned = (["ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"] as const).some(
    (type) => patching.of(type).length > 0,
  );
  if (!isConcerned) return resource;
  return patchedTable(resource, patches, place, view.proxy.type === "router" ? gatewayPorts(view) : noPorts);
}
