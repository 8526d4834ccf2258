import type { Route, VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import { clusterName } from "../names.ts";
import { defaultOutboundRoute } from "./default-route.ts";
import { hashOf } from "./hash-policy.ts";
import { virtualHost } from "./route-config.ts";

const noPolicy: object = {};

const unruled = memo((_service: Service, _policy: object, _mesh: MeshConfig) => new Map<number, readonly Route[]>());

/** The routes of a service that no rule routes. The same for the same service, policy and port. */
export function unruledRoutes(
  service: Service,
  policy: DestinationPolicy | undefined,
  mesh: MeshConfig,
  port: number,
): readonly Route[] {
  const known = unruled(service, policy ?? noPolicy, mesh);
  const before = known.get(port);
  if (before !== undefined) return before;
  const cluster = clusterName("outbound", port, "", service.hostname);
  const hash = hashOf(policy, { host: service.hostname, port: { number: port } });
  const routes = [defaultOutboundRoute(cluster, `${service.hostname}:${port}/*`, hash, mesh)];
  known.set(port, routes);
  return routes;
}

const hosts = memo((_routes: readonly Route[]) => new Map<string, VirtualHost>());

/** A virtual host; the same object for the same routes, name and domains, whoever asks. */
export function hostWith(routes: readonly Route[], name: string, domains: readonly string[]): VirtualHost {
  const known = hosts(routes);
  const key = `${name} ${domains.join(" ")}`;
  const host = known.get(key) ?? virtualHost(name, domains, routes);
  known.set(key, host);
  return host;
}
