import type { Route, VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { ByKey } from "#model/by-key.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import { offersOf } from "../filters/offered-protocols.ts";
import { clusterName } from "../names.ts";
import { defaultOutboundRoute } from "./default-route.ts";
import { hashOf } from "./hash-policy.ts";
import { virtualHost } from "./route-config.ts";

const noPolicy: object = {};

const unruled = memo((_service: Service, _policy: object, _mesh: MeshConfig) => new ByKey<readonly Route[]>());

/** The routes of a service that no rule routes. The same for the same service, policy and port. */
export function unruledRoutes(
  service: Service,
  policy: DestinationPolicy | undefined,
  mesh: MeshConfig,
  port: number,
): readonly Route[] {
  return unruled(service, policy ?? noPolicy, mesh).get(String(port), () => {
    const cluster = clusterName("outbound", port, "", service.hostname);
    const hash = hashOf(policy, { host: service.hostname, port: { number: port } });
    const offers = offersOf(service, port, "", policy);
    return [defaultOutboundRoute(cluster, `${service.hostname}:${port}/*`, hash, offers, mesh)];
  });
}

/** Names of one route, in the DNS domains of those who ask. */
const maxHosts = 1_000;
const hosts = memo((_routes: readonly Route[]) => new ByKey<VirtualHost>(maxHosts));

/** A virtual host; the same object for the same routes (which are made for a mesh), name and domains, whoever asks. */
export function hostWith(
  routes: readonly Route[],
  name: string,
  domains: readonly string[],
  mesh: MeshConfig,
): VirtualHost {
  return hosts(routes).get(`${name} ${domains.join(" ")}`, () => virtualHost(name, domains, routes, mesh));
}
