import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import { keepList, keepMap, memo } from "#model/memo.ts";
import { type InboundMutualTls, modeOfPort } from "#model/mutual-tls.ts";
import { type Endpoint, endpointsKey, isResolvedByDns, type Service } from "#model/service.ts";
import { selectedPods, sliceEndpoints, sliceService } from "#registry/endpoints.ts";
import { selectedEntries } from "#registry/workload-endpoint.ts";
import { compareText } from "./config-order.ts";
import type { ChangeSet, MeshInput, Objects } from "./input.ts";
import type { NetworkNamer } from "./networks.ts";
import { inboundMutualTls, type PeerPolicies } from "./peer-authentications.ts";
import { serversOf } from "./servers.ts";
import type { Snapshot } from "./snapshot.ts";

/** All endpoints by {@link endpointsKey}. Lists that have the same endpoints as before are the same lists. */
export function buildEndpoints(
  previous: Snapshot | undefined,
  input: MeshInput,
  services: readonly Service[],
  workloadEntries: Objects<WorkloadEntry>,
  peers: PeerPolicies,
  networkOf: NetworkNamer,
): ReadonlyMap<string, readonly Endpoint[]> {
  const sources: Sources = { input, slices: slicesByService(input), workloadEntries, peers, networkOf };
  const result = new Map<string, readonly Endpoint[]>();
  for (const [key, group] of byKey(services)) {
    const list = groupEndpoints(group, sources, previous?.endpoints.get(key));
    if (list.length > 0) result.set(key, list);
  }
  return result;
}

/** A snapshot in which only endpoints differ, and the hostnames whose endpoints do. */
export interface EndpointChange {
  readonly snapshot: Snapshot;
  readonly hosts: ReadonlySet<string>;
  /** True when more than endpoints follows from the change (clusters with names in them or new servers, listeners of headless services). */
  readonly full: boolean;
}

/**
 * The short lane for changes of EndpointSlices and Pods alone: only the services concerned are looked at, and all else is
 * taken over. `changes` of other types are for `buildSnapshot`.
 */
export function withEndpoints(previous: Snapshot, input: MeshInput, changes: ChangeSet): EndpointChange {
  const names = concerned(previous, input, changes);
  const podNamespaces = new Set([...(changes.pods ?? [])].map((key) => key.slice(0, key.indexOf("/"))));
  const isConcerned = (service: Service): boolean =>
    service.registry === "Kubernetes"
      ? names.has(`${service.namespace}/${service.name}`)
      : podNamespaces.has(service.namespace) && selectsWorkloads(service);
  const keys = new Set(previous.services.filter(isConcerned).map(endpointsKey));
  const endpoints = new Map(previous.endpoints);
  const { peers, mesh, networkOf } = previous;
  let servers = previous.servers;
  const hosts = new Set<string>();
  let full = false;
  if (keys.size > 0) {
    const { workloadEntries } = previous.inEffect;
    const sources: Sources = { input, slices: slicesByService(input, names), workloadEntries, peers, networkOf };
    const groups = byKey(previous.services.filter((service) => keys.has(endpointsKey(service))));
    for (const [key, group] of groups) {
      const before = previous.endpoints.get(key) ?? [];
      const now = groupEndpoints(group, sources, before);
      if (now === before) continue;
      for (const { hostname } of group) hosts.add(hostname);
      if (now.length === 0) endpoints.delete(key);
      else endpoints.set(key, now);
      const serving = serversOf(group, now, peers, mesh);
      if (serving !== servers.get(key)) servers = new Map(servers).set(key, serving);
      full ||= group.some((service) => service.headless || isResolvedByDns(service)) || servers !== previous.servers;
    }
  }
  const base = { ...previous, input, generation: previous.generation + 1 };
  if (hosts.size === 0) return { snapshot: Object.freeze(base), hosts, full };
  const dnsEndpoints = full
    ? keepMap(previous.dnsEndpoints, dnsEndpointsOf(previous.services, endpoints))
    : previous.dnsEndpoints;
  return { snapshot: Object.freeze({ ...base, endpoints, servers, dnsEndpoints }), hosts, full };
}

/** Of all endpoints those of services whose names proxies resolve. */
export function dnsEndpointsOf(
  services: readonly Service[],
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
): ReadonlyMap<string, readonly Endpoint[]> {
  const result = new Map<string, readonly Endpoint[]>();
  for (const service of services) {
    const key = endpointsKey(service);
    const list = isResolvedByDns(service) ? endpoints.get(key) : undefined;
    if (list !== undefined) result.set(key, list);
  }
  return result;
}

function byKey(services: readonly Service[]): ReadonlyMap<string, readonly Service[]> {
  const groups = new Map<string, Service[]>();
  for (const service of services) {
    const key = endpointsKey(service);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [service]);
    else group.push(service);
  }
  return groups;
}

/** `namespace/name` of the services whose endpoints the changes may touch. */
function concerned(previous: Snapshot, input: MeshInput, changes: ChangeSet): Set<string> {
  const names = new Set<string>();
  const add = (slice: EndpointSlice | undefined): void => {
    const service = slice && sliceService(slice);
    if (service !== undefined) names.add(service);
  };
  for (const key of changes.endpointSlices ?? []) {
    add(previous.input.endpointSlices.get(key));
    add(input.endpointSlices.get(key));
  }
  const pods = changes.pods;
  if (pods !== undefined && pods.size > 0) {
    for (const slice of input.endpointSlices.values()) {
      const namespace = slice.metadata?.namespace ?? "";
      if (
        slice.endpoints?.some((entry) =>
          pods.has(`${entry.targetRef?.namespace ?? namespace}/${entry.targetRef?.name}`),
        )
      ) {
        add(slice);
      }
    }
  }
  return names;
}

function slicesByService(input: MeshInput, only?: ReadonlySet<string>): Map<string, EndpointSlice[]> {
  const result = new Map<string, EndpointSlice[]>();
  for (const slice of input.endpointSlices.values()) {
    const service = sliceService(slice);
    if (service === undefined || (only !== undefined && !only.has(service))) continue;
    const list = result.get(service);
    if (list === undefined) result.set(service, [slice]);
    else list.push(slice);
  }
  return result;
}

/** Where endpoints come from. */
interface Sources {
  readonly input: MeshInput;
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  readonly workloadEntries: Objects<WorkloadEntry>;
  readonly peers: PeerPolicies;
  readonly networkOf: NetworkNamer;
}

const entriesByNamespace = memo((entries: Objects<WorkloadEntry>) =>
  Map.groupBy(entries.values(), ({ metadata }) => metadata.namespace ?? ""),
);
const podsByNamespace = memo((pods: Objects<Pod>) =>
  Map.groupBy(pods.values(), ({ metadata }) => metadata?.namespace ?? ""),
);

function groupEndpoints(
  services: readonly Service[],
  sources: Sources,
  previous: readonly Endpoint[] | undefined,
): readonly Endpoint[] {
  const before = new Map(previous?.map((endpoint) => [place(endpoint), endpoint]));
  const found = new Map<string, Endpoint>();
  for (const service of services) {
    for (const listed of serviceEndpoints(service, sources)) {
      const endpoint = asPoliciesSay(inNetwork(listed, sources.networkOf), sources.peers);
      const key = place(endpoint);
      if (found.has(key)) continue;
      const known = before.get(key);
      found.set(key, known !== undefined && sameEndpoint(known, endpoint) ? known : endpoint);
    }
  }
  return keepList(previous, [...found.values()]);
}

/** An endpoint that doesn't say its network is in the one that its address is in. */
function inNetwork(endpoint: Endpoint, networkOf: NetworkNamer): Endpoint {
  if (endpoint.network !== "") return endpoint;
  const network = networkOf(endpoint.address);
  return network === "" ? endpoint : Object.freeze({ ...endpoint, network });
}

/** By the labels of a workload, which its endpoints share. */
const modes = memo((_peers: PeerPolicies, _labels: Endpoint["labels"]) => new Map<string, InboundMutualTls>());

function mutualTlsOf(peers: PeerPolicies, { namespace, labels }: Endpoint): InboundMutualTls {
  const known = modes(peers, labels);
  const mode = known.get(namespace) ?? inboundMutualTls(peers, { namespace, labels });
  known.set(namespace, mode);
  return mode;
}

/** An endpoint whose workload is told to take no mutual TLS is as one without a sidecar. Istio: mtlsChecker. */
function asPoliciesSay(endpoint: Endpoint, peers: PeerPolicies): Endpoint {
  if (endpoint.tlsMode === "disabled" || peers.byNamespace.size === 0) return endpoint;
  const disabled = modeOfPort(mutualTlsOf(peers, endpoint), endpoint.port) === "DISABLE";
  return disabled ? Object.freeze({ ...endpoint, tlsMode: "disabled" as const }) : endpoint;
}

function serviceEndpoints(service: Service, { input, slices, workloadEntries }: Sources): readonly Endpoint[] {
  const { namespace, name } = service;
  const entries = selectsWorkloads(service) ? entriesByNamespace(workloadEntries).get(namespace) : undefined;
  const outside = entries === undefined ? [] : selectedEntries(service, entries);
  if (isResolvedByDns(service) && !selectsWorkloads(service)) return service.ownEndpoints;
  if (service.registry === "Kubernetes") {
    const inside = (slices.get(`${namespace}/${name}`) ?? []).flatMap((slice) => sliceEndpoints(slice, service, input));
    const sorted = inside
      .map((endpoint) => [place(endpoint), endpoint] as const)
      .sort(([a], [b]) => compareText(a, b))
      .map(([, endpoint]) => endpoint);
    return outside.length === 0 ? sorted : [...sorted, ...outside];
  }
  if (!selectsWorkloads(service)) return service.ownEndpoints;
  return [...outside, ...selectedPods(service, podsByNamespace(input.pods).get(namespace) ?? [], input.nodes)];
}

function selectsWorkloads({ selector }: Service): boolean {
  for (const _key in selector) return true;
  return false;
}

function place(endpoint: Endpoint): string {
  const { portName, address, port, network, workload } = endpoint;
  return `${portName}/${address}/${port}/${network}${address === "" ? workload : ""}`;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.workload === b.workload &&
    a.network === b.network &&
    a.namespace === b.namespace &&
    a.serviceAccount === b.serviceAccount &&
    a.node === b.node &&
    a.weight === b.weight &&
    a.hostname === b.hostname &&
    a.tlsMode === b.tlsMode &&
    a.locality.region === b.locality.region &&
    a.locality.zone === b.locality.zone &&
    a.locality.subzone === b.locality.subzone &&
    sameLabels(a.labels, b.labels)
  );
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
