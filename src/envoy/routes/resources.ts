import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Scope } from "#snapshot/scope.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet } from "#xds/resource-set.ts";
import { byName, encodedResource } from "../proto.ts";
import { encodeTable } from "./encoded-table.ts";
import { gatewayRoutes } from "./gateway.ts";
import { clientKey } from "./rule-routes.ts";
import { sidecarRoutes } from "./sidecar.ts";

type Tables = Map<string, Resource | undefined>;

const ofScope = memo((_scope: Scope, _mesh: MeshConfig): Tables => new Map());
const ofView = memo((_view: ProxyView): Tables => new Map());

/** The route tables of these names; names that no listener of the proxy could ask for are left out. */
export function routeResources(view: ProxyView, names: ReadonlySet<string>): ResourceSet {
  return sharedSet(sharedList(byName([...names].flatMap((name) => routeResource(view, name) ?? []))));
}

function routeResource(view: ProxyView, name: string): Resource | undefined {
  const isRouter = view.proxy.type === "router";
  const tables = isRouter ? ofView(view) : ofScope(view.scope, view.mesh);
  const key = isRouter ? name : `${name} ${view.proxy.dnsDomain} ${clientKey(view)}`;
  if (tables.has(key)) return tables.get(key);
  const table = isRouter ? gatewayRoutes(view, name) : sidecarRoutes(view, name);
  const resource = table && encodedResource(name, RouteConfigurationSchema, encodeTable(table));
  tables.set(key, resource);
  return resource;
}
