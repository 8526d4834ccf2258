import type { Cluster } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { memo } from "#model/memo.ts";
import type { Patches } from "#snapshot/envoy-filters.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { inboundPassthroughCluster, parseClusterName } from "../names.ts";
import { byName } from "../proto.ts";
import { matchesCluster, patchCluster } from "./clusters.ts";
import { additions, outbound, type Place, patched, places } from "./patched-resource.ts";
import { startPatching } from "./patching.ts";

const patchedCluster = memo((resource: Resource, patches: Patches, { context, hosts }: ClusterPlace) => {
  const patching = startPatching(patches, context);
  return patched<Cluster>("CLUSTER", resource, patching, (cluster) => patchCluster(cluster, patching, hosts));
});

/** The clusters of a proxy after its patches. */
export const patchedClusters: (view: ProxyView, resources: readonly Resource[]) => readonly Resource[] = memo(
  (view: ProxyView, resources: readonly Resource[]) => {
    const { patches } = view;
    if (!patches?.has("CLUSTER")) return resources;
    const result = resources.flatMap((resource) => {
      const place = placeOf(view, resource.name);
      const isConcerned = startPatching(patches, place.context)
        .of("CLUSTER")
        .some((patch) => patch.operation !== "ADD" && matchesCluster(resource.name, patch, place.hosts));
      return isConcerned ? (patchedCluster(resource, patches, place) ?? []) : [resource];
    });
    return byName([...result, ...additions(view, "CLUSTER")]);
  },
);

interface ClusterPlace extends Place {
  /** Of the services behind an inbound cluster. */
  readonly hosts: readonly string[];
}

const withoutHosts = memo((place: Place): ClusterPlace => ({ ...place, hosts: [] }));

function placeOf(view: ProxyView, name: string): ClusterPlace {
  if (view.proxy.type === "router") return withoutHosts(places.GATEWAY);
  if (name === inboundPassthroughCluster) return withoutHosts(places.SIDECAR_INBOUND);
  const parts = parseClusterName(name);
  if (parts?.direction !== "inbound") return withoutHosts(outbound(view));
  const served = view.targets.filter(({ targetPort }) => targetPort === parts.port);
  return { ...places.SIDECAR_INBOUND, hosts: served.map(({ service }) => service.hostname) };
}
