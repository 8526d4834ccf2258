import type { Cluster } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { memo } from "#model/memo.ts";
import type { Patches } from "#snapshot/envoy-filters.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, withOwn } from "#xds/resource-set.ts";
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
export const patchedClusters: (view: ProxyView, set: ResourceSet) => ResourceSet = memo(
  (view: ProxyView, set: ResourceSet) => {
    const { patches } = view;
    if (!patches?.has("CLUSTER")) return set;
    const own = patchAll(set.own, patches, (name) => placeOf(view, name));
    return withOwn(patchedShared(set.shared, patches, outbound(view)), byName([...own, ...additions(view, "CLUSTER")]));
  },
);

/** What proxies with the same patches share stays shared. */
const patchedShared = memo((resources: readonly Resource[], patches: Patches, place: Place) =>
  sharedList(
    byName(
      patchAll(resources, patches, (name) =>
        withoutHosts(name === inboundPassthroughCluster ? places.SIDECAR_INBOUND : place),
      ),
    ),
  ),
);

function patchAll(
  resources: readonly Resource[],
  patches: Patches,
  placeOf: (name: string) => ClusterPlace,
): readonly Resource[] {
  return resources.flatMap((resource) => {
    const place = placeOf(resource.name);
    const isConcerned = startPatching(patches, place.context)
      .of("CLUSTER")
      .some((patch) => patch.operation !== "ADD" && matchesCluster(resource.name, patch, place.hosts));
    return isConcerned ? (patchedCluster(resource, patches, place) ?? []) : [resource];
  });
}

interface ClusterPlace extends Place {
  /** Of the services behind an inbound cluster. */
  readonly hosts: readonly string[];
}

const withoutHosts = memo((place: Place): ClusterPlace => ({ ...place, hosts: [] }));

function placeOf(view: ProxyView, name: string): ClusterPlace {
  if (view.proxy.type === "router") return withoutHosts(places.GATEWAY);
  const parts = parseClusterName(name);
  if (parts?.direction !== "inbound") return withoutHosts(outbound(view));
  const served = view.targets.filter(({ targetPort }) => targetPort === parts.port);
  return { ...places.SIDECAR_INBOUND, hosts: served.map(({ service }) => service.hostname) };
}
