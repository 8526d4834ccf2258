import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ByKey } from "#model/by-key.ts";
import { memo, sameList } from "#model/memo.ts";
import { type Endpoint, endpointsKey } from "#model/service.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { encodeResource } from "../proto.ts";
import { loadAssignment } from "./assignment.ts";
import { byLocality } from "./locality-groups.ts";

/** The cluster of the proxies that share a proxy's load, as its bootstrap has it. Istio: LocalClusterName. */
export const localCluster = "local_cluster";

const noEndpoints: readonly Endpoint[] = Object.freeze([]);
const encoded = memo((_endpoints: readonly (readonly Endpoint[])[]) => new ByKey<Resource>());

/**
 * Where the proxies run that share the load of this one: the endpoints of its services in its region, each address once, that have the
 * same labels. From these Envoy sees how much of the traffic comes from its zone. Istio: filterIstioEndpointForLocalCluster.
 */
export function localClusterResource(view: ProxyView): Resource | undefined {
  const { proxy, place, targets, endpoints, clusterId } = view;
  if (proxy.peerLabels === undefined) return undefined;
  const wanted = proxy.peerLabels.map((name) => [name, place.labels[name] ?? ""] as const);
  const services = [...new Set(targets.map(({ service }) => endpointsKey(service)))].sort();
  const lists = sameList(services.map((key) => endpoints.get(key) ?? noEndpoints));
  const { region } = place.locality;
  return encoded(lists).get([clusterId, region, ...wanted.flat()].join(" "), () => {
    const peers = new Map<string, Endpoint>();
    for (const endpoint of lists.flat()) {
      const { address, labels, locality } = endpoint;
      if (locality.region !== region || peers.has(address)) continue;
      if (wanted.every(([name, value]) => (labels[name] ?? "") === value)) peers.set(address, endpoint);
    }
    const assignment = loadAssignment(localCluster, byLocality([...peers.values()]), clusterId);
    return encodeResource(localCluster, ClusterLoadAssignmentSchema, assignment);
  });
}
