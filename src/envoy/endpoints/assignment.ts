import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Address, AddressSchema } from "#api/envoy/gen/envoy/config/core/v3/address_pb.js";
import { HealthStatus } from "#api/envoy/gen/envoy/config/core/v3/health_check_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Subset } from "#api/istio/destination-rule.ts";
import { selects } from "#model/labels.ts";
import type { Endpoint } from "#model/service.ts";
import type { LocalityGroup } from "./locality-groups.ts";
import { isPlaceLabel, placeLabels } from "./place.ts";

/** The endpoints of a cluster, in groups by locality. `tlsMode` is what a DestinationRule makes of all of them. */
export function loadAssignment(
  name: string,
  groups: readonly LocalityGroup[],
  clusterId: string,
  tlsMode?: Endpoint["tlsMode"],
): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: groups.map(({ locality: { region, zone, subzone }, endpoints, weight, priority }) => ({
      locality: { region, zone, subZone: subzone },
      lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint, clusterId, tlsMode ?? endpoint.tlsMode)),
      loadBalancingWeight: weight,
      priority,
    })),
  });
}

/** The endpoints of `subset` (of all, without one) that serve the service's port called `portName`. */
export function selectEndpoints(
  endpoints: readonly Endpoint[],
  portName: string,
  subset: Subset | undefined,
  clusterId: string,
): readonly Endpoint[] {
  const ofPort = endpoints.filter((endpoint) => endpoint.portName === portName);
  if (subset === undefined) return ofPort;
  const byPlace = Object.keys(subset.labels ?? {}).some(isPlaceLabel);
  return ofPort.filter((endpoint) =>
    selects(subset.labels, byPlace ? placeLabels(endpoint, clusterId) : endpoint.labels),
  );
}

type EndpointAddress = NonNullable<Exclude<MessageInitShape<typeof AddressSchema>, Address>["address"]>;

/** An IP address and port, or the path of a socket. */
export function addressOf({ address, port }: Pick<Endpoint, "address" | "port">): EndpointAddress {
  if (port === 0) return { case: "pipe", value: { path: address } };
  return { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } };
}

function lbEndpoint(endpoint: Endpoint, clusterId: string, tlsMode: Endpoint["tlsMode"]) {
  const { labels } = endpoint;
  const app = labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"] ?? "";
  const version =
    labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"] ?? "";
  return {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: { address: addressOf(endpoint) },
      },
    },
    healthStatus: endpoint.isChecked ? HealthStatus.HEALTHY : HealthStatus.UNKNOWN,
    loadBalancingWeight: endpoint.weight,
    metadata: {
      filterMetadata: {
        istio: { workload: [endpoint.workload, endpoint.namespace, app, version, clusterId].join(";") },
        ...(tlsMode === "istio" ? { "envoy.transport_socket_match": { tlsMode: "istio" } } : {}),
      },
    },
  } as const;
}
