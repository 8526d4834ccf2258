import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { ByKey } from "#model/by-key.ts";
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

/** By name. Undefined: there is no such table. */
type Tables = ByKey<Resource | undefined>;

/** Proxies of a scope are told apart by DNS domain and by the conditions on their labels that they meet. */
const maxKinds = 64;
const ofScope = memo((_scope: Scope, _mesh: MeshConfig) => new ByKey<Tables>(maxKinds));
const ofView = memo((_view: ProxyView): Tables => new ByKey());

/** The route tables of these names; names that no listener of the proxy could ask for are left out. */
export function routeResources(view: ProxyView, names: ReadonlySet<string>): ResourceSet {
  const tables = tablesOf(view);
  const found = [...names].flatMap((name) => tables.get(name, () => routeResource(view, name)) ?? []);
  return sharedSet(sharedList(byName(found)));
}

function tablesOf(view: ProxyView): Tables {
  const { proxy, scope, mesh } = view;
  if (proxy.type === "router") return ofView(view);
  return ofScope(scope, mesh).get(`${proxy.dnsDomain} ${clientKey(view)}`, () => new ByKey());
}

function routeResource(view: ProxyView, name: string): Resource | undefined {
  const table = view.proxy.type === "router" ? gatewayRoutes(view, name) : sidecarRoutes(view, name);
  return table && encodedResource(name, RouteConfigurationSchema, encodeTable(table));
}
