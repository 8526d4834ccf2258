import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Scope } from "#snapshot/scope.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet } from "#xds/resource-set.ts";
import { byName, encodeResource } from "../proto.ts";
import { gatewayRoutes } from "./gateway.ts";
import { sidecarRoutes } from "./sidecar.ts";

type Tables = Map<string, Resource | undefined>;

/** Whether what a client is made of decides which routes it gets. */
const looksAtClients = memo((rules: readonly RoutingRule[]) =>
  rules.some((rule) =>
    rule.spec.http?.some(({ match }) =>
      match?.some(({ sourceLabels, sourceNamespace }) => sourceLabels || sourceNamespace),
    ),
  ),
);

const ofScope = memo((_scope: Scope, _mesh: MeshConfig): Tables => new Map());
const ofView = memo((_view: ProxyView): Tables => new Map());

/** The route tables of these names; names that no listener of the proxy could ask for are left out. */
export function routeResources(view: ProxyView, names: ReadonlySet<string>): ResourceSet {
  return sharedSet(sharedList(byName([...names].flatMap((name) => routeResource(view, name) ?? []))));
}

function routeResource(view: ProxyView, name: string): Resource | undefined {
  const own = view.proxy.type === "router" || looksAtClients(view.scope.rules);
  const tables = own ? ofView(view) : ofScope(view.scope, view.mesh);
  const key = own ? name : `${name} ${view.proxy.dnsDomain}`;
  if (tables.has(key)) return tables.get(key);
  const table = view.proxy.type === "router" ? gatewayRoutes(view, name) : sidecarRoutes(view, name);
  const resource = table && encodeResource(name, RouteConfigurationSchema, table);
  tables.set(key, resource);
  return resource;
}
