import { mostSpecific } from "#model/host.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Endpoint } from "#model/service.ts";
import type { Snapshot } from "./snapshot.ts";

type Endpoints = ReadonlyMap<string, readonly Endpoint[]>;

const byDomain = memo((_endpoints: Endpoints, _mesh: MeshConfig) => new Map<string, Endpoints>());

/**
 * The endpoints that proxies of another cluster may use: all but those of services which stay within their cluster. Of what Kubernetes
 * itself runs that is so by default, of others where the mesh says it. Istio: MeshConfig.serviceSettings, ClusterLocalProvider.
 */
export function endpointsForOthers({ endpoints, mesh, input }: Snapshot): Endpoints {
  const known = byDomain(endpoints, mesh);
  const before = known.get(input.clusterDomain);
  if (before !== undefined) return before;
  const settings = clusterLocalHosts(mesh, input.clusterDomain);
  const result = new Map([...endpoints].filter(([key]) => !mostSpecific(settings, key.slice(key.indexOf("/") + 1))));
  known.set(input.clusterDomain, result);
  return result;
}

/** Hosts, also patterns, and whether they stay within their cluster; what the mesh says of a host replaces the default. */
function clusterLocalHosts({ serviceSettings }: MeshConfig, domain: string): ReadonlyMap<string, boolean> {
  return new Map([
    [`*.kube-system.svc.${domain}`, true],
    [`kubernetes.default.svc.${domain}`, true],
    ...serviceSettings.flatMap(({ hosts, clusterLocal }) => hosts.map((host) => [host, clusterLocal] as const)),
  ]);
}
