import { type Cluster, ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { ProxyType } from "#model/proxy.ts";
import type { Service } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet, withOwn } from "#xds/resource-set.ts";
import { inboundTargets } from "../listeners/inbound.ts";
import { byName, encodeResource } from "../proto.ts";
import { blackHole, inboundPassthrough, passthrough } from "./fixed.ts";
import { inboundCluster } from "./inbound.ts";
import { outboundClusters } from "./outbound.ts";

/** Memos take objects. */
const kinds: Readonly<Record<ProxyType, { readonly kind: ProxyType }>> = {
  sidecar: { kind: "sidecar" },
  router: { kind: "router" },
};
const noPolicy: object = {};

function encode(cluster: Cluster): Resource {
  return encodeResource(cluster.name, ClusterSchema, cluster);
}

const ofService = memo(
  (service: Service, policy: object, mesh: MeshConfig, { kind }: { kind: ProxyType }): readonly Resource[] =>
    outboundClusters(service, policy === noPolicy ? undefined : (policy as DestinationPolicy), mesh, kind).map(encode),
);

const fixed = memo((mesh: MeshConfig, { kind }: { kind: ProxyType }): readonly Resource[] =>
  (kind === "sidecar" ? [blackHole(mesh), passthrough(mesh), inboundPassthrough(mesh)] : [blackHole(mesh)]).map(encode),
);

/** What all proxies of a kind in a namespace share. */
const shared = memo((seen: Destinations, mesh: MeshConfig, kind: { kind: ProxyType }): readonly Resource[] =>
  sharedList(
    byName([
      ...fixed(mesh, kind),
      ...seen.services.flatMap((service) => ofService(service, seen.policyOf(service) ?? noPolicy, mesh, kind)),
    ]),
  ),
);

/** All clusters of a proxy. */
export const clusterResources: (view: ProxyView) => ResourceSet = memo((view: ProxyView) => {
  const { proxy, mesh, scope } = view;
  const outbound = shared(scope.destinations, mesh, kinds[proxy.type]);
  if (proxy.type === "router" || view.targets.length === 0) return sharedSet(outbound);
  const inbound = inboundTargets(view.targets).map((target) => {
    const sharing = view.targets.filter(({ targetPort }) => targetPort === target.targetPort);
    return encode(inboundCluster(target, [...new Set(sharing.map(({ service }) => service))], mesh));
  });
  return withOwn(outbound, byName(inbound));
});
