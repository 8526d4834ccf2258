import { create } from "@bufbuild/protobuf";
import { HealthStatus } from "#api/envoy/gen/envoy/config/core/v3/health_check_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Subset } from "#api/istio/destination-rule.ts";
import { selects } from "#model/labels.ts";
import { formatLocality } from "#model/locality.ts";
import type { Endpoint } from "#model/service.ts";

/** The endpoints of a cluster, in groups by locality, each as heavy as its endpoints together. */
export function loadAssignment(name: string, endpoints: readonly Endpoint[], clusterId: string): ClusterLoadAssignment {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = formatLocality(endpoint.locality);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  return create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [...groups.values()].map((group) => ({
      locality: locality(group[0]),
      lbEndpoints: group.map((endpoint) => lbEndpoint(endpoint, clusterId)),
      loadBalancingWeight: group.reduce((sum, { weight }) => sum + weight, 0),
    })),
  });
}

/** The endpoints of `subset` (of all, without one) that serve the service's port called `portName`. */
export function selectEndpoints(
  endpoints: readonly Endpoint[],
  portName: string,
  subset: Subset | undefined,
): readonly Endpoint[] {
  return endpoints.filter((endpoint) => endpoint.portName === portName && selects(subset?.labels, endpoint.labels));
}

function locality(endpoint: Endpoint | undefined): { region: string; zone: string; subZone: string } {
  const { region = "", zone = "", subzone = "" } = endpoint?.locality ?? {};
  return { region, zone, subZone: subzone };
}

function lbEndpoint(endpoint: Endpoint, clusterId: string) {
  const { labels } = endpoint;
  const app = labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"] ?? "";
  const version =
    labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"] ?? "";
  return {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: {
          address: {
            case: "socketAddress",
            value: { address: endpoint.address, portSpecifier: { case: "portValue", value: endpoint.port } },
          },
        },
      },
    },
    healthStatus: HealthStatus.HEALTHY,
    loadBalancingWeight: endpoint.weight,
    metadata: {
      filterMetadata: {
        istio: { workload: [endpoint.workload, endpoint.namespace, app, version, clusterId].join(";") },
        ...(endpoint.tlsMode === "istio" ? { "envoy.transport_socket_match": { tlsMode: "istio" } } : {}),
      },
    },
  } as const;
}
