import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { memo } from "#model/memo.ts";
import { type Endpoint, findPort } from "#model/service.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet } from "#xds/resource-set.ts";
import { clusterName, parseClusterName } from "../names.ts";
import { byName, encodeResource } from "../proto.ts";
import { loadAssignment, selectEndpoints } from "./assignment.ts";

const noPolicy: object = {};
const noEndpoints: readonly Endpoint[] = Object.freeze([]);

/** Encoded assignments by cluster: the same for all proxies that see the same endpoints and subsets. */
const encoded = memo((_endpoints: readonly Endpoint[], _policy: object) => new Map<string, Resource>());

/** What was asked for before, by proxies that see the same at the same moment. */
const answers = memo(
  (_endpoints: ProxyView["endpoints"], _seen: Destinations) => new WeakMap<ReadonlySet<string>, ResourceSet>(),
);

/** The endpoints of these clusters; of those that the proxy has. */
export function endpointResources(view: ProxyView, names: ReadonlySet<string>): ResourceSet {
  const known = answers(view.endpoints, view.scope.destinations);
  const before = known.get(names);
  if (before !== undefined) return before;
  const set = sharedSet(sharedList(byName([...names].flatMap((name) => assignmentNamed(view, name) ?? []))));
  known.set(names, set);
  return set;
}

function assignmentNamed(view: ProxyView, name: string): Resource | undefined {
  const parts = parseClusterName(name);
  if (parts === undefined || parts.direction !== "outbound") return undefined;
  const service = view.scope.byHost.get(parts.hostname);
  const port = service && findPort(service, parts.port);
  // A number may be written in more ways than one: only the cluster's own name counts.
  if (
    service === undefined ||
    port === undefined ||
    name !== clusterName("outbound", port.port, parts.subset, service.hostname)
  ) {
    return undefined;
  }
  const policy = view.scope.policyOf(service);
  const subset = policy?.subsets.find((candidate) => candidate.name === parts.subset);
  if (parts.subset !== "" && subset === undefined) return undefined;
  const all = view.endpoints.get(service.hostname) ?? noEndpoints;
  const shared = encoded(all, policy ?? noPolicy);
  const before = shared.get(name);
  if (before !== undefined) return before;
  const assignment = loadAssignment(name, selectEndpoints(all, port.name, subset), view.clusterId);
  const resource = encodeResource(name, ClusterLoadAssignmentSchema, assignment);
  shared.set(name, resource);
  return resource;
}
