import type { Route, VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import type { PatchContext } from "#api/istio/envoy-filter.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";
import { parseClusterName } from "../names.ts";

/** Ports that Gateways know by the port that their proxy opens for them. */
export type GatewayPortNumbers = ReadonlyMap<number, ReadonlySet<number>>;

/** Istio: routeConfigurationMatch. */
export function matchesTable(
  { name }: Pick<RouteConfiguration, "name">,
  { match }: Patch,
  context: PatchContext,
  ports: GatewayPortNumbers,
): boolean {
  const wanted = match.routeConfiguration;
  if (wanted === undefined) return true;
  if (wanted.name && wanted.name !== name) return false;
  if (context !== "GATEWAY") return !wanted.portNumber || wanted.portNumber === sidecarPort(name);
  const table = gatewayTable(name);
  if (wanted.portName && wanted.portName !== table.portName) return false;
  if (wanted.gateway && wanted.gateway !== table.gateway) return false;
  if (!wanted.portNumber) return true;
  return ports.get(table.port)?.has(wanted.portNumber) ?? table.port === wanted.portNumber;
}

/** `9080`, or the cluster's name for the routes of an inbound chain. */
function sidecarPort(name: string): number {
  return name.startsWith("inbound|") ? (parseClusterName(name)?.port ?? 0) : Number(name) || 0;
}

/** `http.8080`, or `https.443.NAME.GATEWAY.NAMESPACE`. */
function gatewayTable(name: string): { port: number; portName?: string; gateway?: string } {
  const [scheme, port, portName = "", gateway, namespace] = name.split(".");
  if (scheme !== "https") return { port: Number(port) || 0 };
  return { port: Number(port) || 0, portName, gateway: `${namespace}/${gateway}` };
}

/** Istio: virtualHostMatch. */
export function matchesHost(host: VirtualHost, { match }: Patch): boolean {
  const { name, domainName } = match.routeConfiguration?.vhost ?? {};
  return (!name || name === host.name) && (!domainName || host.domains.includes(domainName));
}

const actions: Readonly<Record<string, Route["action"]["case"]>> = {
  ROUTE: "route",
  REDIRECT: "redirect",
  DIRECT_RESPONSE: "directResponse",
};

/** Istio: routeMatch. */
export function matchesRoute(route: Route, { match }: Patch): boolean {
  const { name, action = "ANY" } = match.routeConfiguration?.vhost?.route ?? {};
  if (name && name !== route.name) return false;
  return action === "ANY" || route.action.case === actions[action];
}
