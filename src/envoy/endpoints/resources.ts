import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { LocalityLoadBalancer, Subset, TrafficPolicy } from "#api/istio/destination-rule.ts";
import { ByKey } from "#model/by-key.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { type Endpoint, endpointsKey, findPort, type ServicePort } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import type { Horizon } from "#snapshot/networks.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet, withOwn, withReplaced } from "#xds/resource-set.ts";
import { effectivePolicy } from "../clusters/traffic-policy.ts";
import { clusterName, parseClusterName, sniName } from "../names.ts";
import { byName, encodeResource } from "../proto.ts";
import { acrossNetworks } from "./across-networks.ts";
import { loadAssignment, selectEndpoints } from "./assignment.ts";
import { localCluster, localClusterResource } from "./local-cluster.ts";
import { byLocality, type LocalityRules, localityRules, placeGroups } from "./locality-groups.ts";
import { placeKey } from "./place.ts";

const noPolicy: object = {};
const noEndpoints: readonly Endpoint[] = Object.freeze([]);

/** Encoded assignments by cluster, and by place where that matters: the same for all proxies that see the same. */
const encoded = memo(
  (_endpoints: readonly Endpoint[], _policy: object, _mesh: MeshConfig, _horizon: Horizon) => new ByKey<Resource>(),
);

/** What was asked for before, by proxies that see the same at the same moment. */
const answers = memo(
  (_endpoints: ProxyView["endpoints"], _seen: Destinations, _place: object, _horizon: Horizon) =>
    new WeakMap<ReadonlySet<string>, ResourceSet>(),
);

/** Whether what a proxy is decides how near endpoints are to it, and not only where it runs. */
const looksAtLabels = memo((seen: Destinations, mesh: MeshConfig) =>
  [
    mesh.localityLbSetting,
    mesh.zoneAwareLbSetting ?? {},
    ...seen.services.flatMap((service) => localitySettings(seen.policyOf(service))),
  ].some(({ failoverPriority = [] }) => failoverPriority.length > 0),
);

function localitySettings(policy: DestinationPolicy | undefined): readonly LocalityLoadBalancer[] {
  const policies = [policy?.trafficPolicy, ...(policy?.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)];
  return policies
    .flatMap((one) => (one ? [one, ...(one.portLevelSettings ?? [])] : []))
    .flatMap(({ loadBalancer }) => loadBalancer?.localityLbSetting ?? loadBalancer?.zoneAwareLbSetting ?? []);
}

/** The endpoints of these clusters; of those that the proxy has. */
export function endpointResources(view: ProxyView, names: ReadonlySet<string>): ResourceSet {
  const outbound = outboundEndpoints(view, names);
  const own = names.has(localCluster) ? localClusterResource(view) : undefined;
  return own ? withOwn(outbound.shared, [own]) : outbound;
}

function outboundEndpoints(view: ProxyView, names: ReadonlySet<string>): ResourceSet {
  const { horizon, scope } = view;
  const { destinations } = scope;
  const place = looksAtLabels(destinations, view.mesh) ? view.place : view.place.locality;
  const known = answers(view.endpoints, destinations, place, horizon);
  const before = known.get(names);
  if (before !== undefined) return before;
  const last = lastAnswers(destinations, view.mesh, place, horizon);
  const clusters = clustersNamed(destinations, view.mesh, names);
  const set = sharedSet(updated(view, clusters, last.get(names)) ?? all(view, clusters));
  known.set(names, set);
  last.set(names, { endpoints: view.endpoints, list: set.shared });
  return set;
}

function all(view: ProxyView, clusters: readonly AskedCluster[]): readonly Resource[] {
  return sharedList(byName(clusters.map((cluster) => assignment(view, cluster))));
}

interface Answer {
  readonly endpoints: ProxyView["endpoints"];
  readonly list: readonly Resource[];
}

/** The last answer to the same question, to start from when some endpoints have changed. */
const lastAnswers = memo(
  (_seen: Destinations, _mesh: MeshConfig, _place: object, _horizon: Horizon) =>
    new WeakMap<ReadonlySet<string>, Answer>(),
);

/** With more changes than this it is no dearer to begin anew. */
const fewChanges = 100;

function updated(
  view: ProxyView,
  clusters: readonly AskedCluster[],
  last: Answer | undefined,
): readonly Resource[] | undefined {
  if (last === undefined) return undefined;
  const keys = changedKeys(last.endpoints, view.endpoints);
  if (keys.size > fewChanges) return undefined;
  const concerned = clusters.filter(({ key }) => keys.has(key));
  return withReplaced(
    last.list,
    concerned.map((cluster) => assignment(view, cluster)),
  );
}

/** Services whose endpoints differ. */
const changedKeys = memo(
  (before: ProxyView["endpoints"], now: ProxyView["endpoints"]): ReadonlySet<string> =>
    new Set([...before.keys(), ...now.keys()].filter((key) => before.get(key) !== now.get(key))),
);

/** A cluster whose endpoints are asked for: all that doesn't change with them. */
interface AskedCluster {
  readonly name: string;
  /** Of the service's endpoints. */
  readonly key: string;
  readonly port: ServicePort;
  readonly policy: DestinationPolicy | undefined;
  readonly subset: Subset | undefined;
  readonly rules: LocalityRules | undefined;
  readonly tlsMode: Endpoint["tlsMode"] | undefined;
  /** Only those that take mutual TLS, as what comes for them is it. Istio: EndpointsWithMTLSFilter. */
  readonly onlyMutualTls: boolean;
}

const clustersNamed = memo(
  (seen: Destinations, mesh: MeshConfig, names: ReadonlySet<string>): readonly AskedCluster[] =>
    [...names].flatMap((name) => clusterNamed(seen, mesh, name) ?? []),
);

function clusterNamed(seen: Destinations, mesh: MeshConfig, name: string): AskedCluster | undefined {
  const parts = parseClusterName(name);
  if (parts === undefined || parts.direction !== "outbound") return undefined;
  const service = seen.byHost.get(parts.hostname);
  const port = service && findPort(service, parts.port);
  if (service === undefined || port === undefined) return undefined;
  const onlyMutualTls = name === sniName(port.port, parts.subset, service.hostname);
  // A number may be written in more ways than one: only the cluster's own name counts.
  if (!onlyMutualTls && name !== clusterName("outbound", port.port, parts.subset, service.hostname)) return undefined;
  const policy = seen.policyOf(service);
  const subset = policy?.subsets.find((candidate) => candidate.name === parts.subset);
  if (parts.subset !== "" && subset === undefined) return undefined;
  const effective = effectivePolicy(policy?.trafficPolicy, subset?.trafficPolicy, port.port);
  const tlsMode = tlsModeOf(subset ? subset.trafficPolicy : policy?.trafficPolicy, port.port);
  return {
    name,
    key: endpointsKey(service),
    port,
    policy,
    subset,
    rules: localityRules(effective, mesh, service.trafficDistribution),
    tlsMode,
    onlyMutualTls,
  };
}

/** What a DestinationRule says of endpoints, whoever they are. Istio: trafficPolicyTLSModeForPort. */
function tlsModeOf(policy: TrafficPolicy | null | undefined, port: number): Endpoint["tlsMode"] | undefined {
  const ofPort = policy?.portLevelSettings?.find((setting) => setting.port?.number === port && setting.tls);
  const tls = ofPort?.tls ?? policy?.tls;
  if (tls === undefined) return undefined;
  return tls.mode === "ISTIO_MUTUAL" ? "istio" : "disabled";
}

function assignment(view: ProxyView, asked: AskedCluster): Resource {
  const { name, key: endpointsOf, port, policy, subset, rules, tlsMode, onlyMutualTls } = asked;
  const all = view.endpoints.get(endpointsOf) ?? noEndpoints;
  const { place, clusterId, horizon } = view;
  const key = rules === undefined ? name : `${name} ${placeKey(place, rules.failoverPriority)}`;
  return encoded(all, policy ?? noPolicy, view.mesh, horizon).get(key, () => {
    const selected = acrossNetworks(selectEndpoints(all, port.name, subset, clusterId), horizon, tlsMode);
    const groups = byLocality(
      onlyMutualTls ? selected.filter((endpoint) => (tlsMode ?? endpoint.tlsMode) === "istio") : selected,
    );
    const placed = rules === undefined ? groups : placeGroups(groups, rules, place, clusterId);
    return encodeResource(name, ClusterLoadAssignmentSchema, loadAssignment(name, placed, clusterId, tlsMode));
  });
}
