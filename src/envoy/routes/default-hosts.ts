import type { VirtualHost } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { ByKey } from "#model/by-key.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, isSniffed } from "#model/protocol.ts";
import { findPort, type Service } from "#model/service.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { Egress } from "#snapshot/egress.ts";
import type { Destinations } from "#snapshot/scope.ts";
import { serviceDomains } from "./domains.ts";
import { hostWith, unruledRoutes } from "./service-host.ts";

/** The virtual hosts of a port as they are without rules: what every table starts from. */
export interface DefaultHosts {
  /** By name. */
  readonly hosts: readonly VirtualHost[];
  /** True when every service has all of its domains, because no two want the same one. */
  readonly isClear: boolean;
  /** Whether some service has that domain; in small letters. */
  hasDomain(domain: string): boolean;
}

/** Services of the port that take HTTP, by hostname. */
export function callable(services: Iterable<Service>, port: number): readonly Service[] {
  return [...services].filter((service) => {
    const protocol = findPort(service, port)?.protocol ?? "TCP";
    return isHttp(protocol) || isSniffed(protocol);
  });
}

/** Proxies of a namespace have one DNS domain, those outside of Kubernetes perhaps another. */
const maxDomains = 16;
const made = memo(
  (_seen: Destinations, _byPort: Egress["byPort"], _mesh: MeshConfig) => new ByKey<ByKey<DefaultHosts>>(maxDomains),
);

/** Made once for all proxies that see the same and have the same DNS domain, and kept when only rules change. */
export function defaultHosts(
  seen: Destinations,
  byPort: Egress["byPort"],
  mesh: MeshConfig,
  port: number,
  dnsDomain: string,
): DefaultHosts {
  const ofDomain = made(seen, byPort, mesh).get(dnsDomain, () => new ByKey());
  return ofDomain.get(String(port), () => build(seen, byPort, mesh, port, dnsDomain));
}

function build(
  seen: Destinations,
  byPort: Egress["byPort"],
  mesh: MeshConfig,
  port: number,
  dnsDomain: string,
): DefaultHosts {
  const services = callable(new Set(byPort.get(port)), port);
  const domainsOf = (service: Service): readonly string[] => serviceDomains(service, dnsDomain).domains;
  const all = (): Set<string> =>
    new Set(services.flatMap((service) => domainsOf(service).map((domain) => domain.toLowerCase())));
  let count = 0;
  const hosts = services.map((service) => {
    const domains = domainsOf(service);
    count += domains.length;
    const routes = unruledRoutes(service, seen.policyOf(service), mesh, port);
    return hostWith(routes, `${service.hostname}:${port}`, domains, mesh);
  });
  // Mostly nobody asks for it later, and it is as large as the mesh.
  let domains: ReadonlySet<string> | undefined;
  return {
    hosts: hosts.sort((a, b) => compareText(a.name, b.name)),
    isClear: new Set(hosts.flatMap((host) => host.domains.map((domain) => domain.toLowerCase()))).size === count,
    hasDomain(domain) {
      domains ??= all();
      return domains.has(domain);
    },
  };
}
