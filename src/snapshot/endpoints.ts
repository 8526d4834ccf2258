import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { keepList } from "#model/memo.ts";
import type { Endpoint, Service } from "#model/service.ts";
import { sliceEndpoints, sliceService } from "#registry/endpoints.ts";
import { compareText } from "./config-order.ts";
import type { ChangeSet, MeshInput } from "./input.ts";
import type { Snapshot } from "./snapshot.ts";

/** All endpoints by hostname. Lists that have the same endpoints as before are the same lists. */
export function buildEndpoints(
  previous: Snapshot | undefined,
  input: MeshInput,
  services: readonly Service[],
): ReadonlyMap<string, readonly Endpoint[]> {
  const slices = slicesByService(input);
  const result = new Map<string, readonly Endpoint[]>();
  for (const service of services) {
    const mine = slices.get(`${service.namespace}/${service.name}`) ?? [];
    const list = serviceEndpoints(service, mine, input, previous?.endpoints.get(service.hostname));
    if (list.length > 0) result.set(service.hostname, list);
  }
  return result;
}

/** A snapshot in which only endpoints differ, and the hostnames whose endpoints do. */
export interface EndpointChange {
  readonly snapshot: Snapshot;
  readonly hosts: ReadonlySet<string>;
  /** True when more than endpoints follows from the change (listeners of headless services): push everything. */
  readonly full: boolean;
}

/**
 * The short lane for changes of EndpointSlices and Pods alone: only the services concerned are looked at, and all else is
 * taken over. `changes` of other types are for `buildSnapshot`.
 */
export function withEndpoints(previous: Snapshot, input: MeshInput, changes: ChangeSet): EndpointChange {
  const names = concerned(previous, input, changes);
  const slices = slicesByService(input, names);
  const endpoints = new Map(previous.endpoints);
  const hosts = new Set<string>();
  let full = false;
  for (const service of previous.services) {
    const key = `${service.namespace}/${service.name}`;
    if (!names.has(key)) continue;
    const before = previous.endpoints.get(service.hostname) ?? [];
    const now = serviceEndpoints(service, slices.get(key) ?? [], input, before);
    if (now === before) continue;
    hosts.add(service.hostname);
    if (now.length === 0) endpoints.delete(service.hostname);
    else endpoints.set(service.hostname, now);
    full ||= service.headless;
  }
  const base = { ...previous, input, generation: previous.generation + 1 };
  return { snapshot: Object.freeze(hosts.size === 0 ? base : { ...base, endpoints }), hosts, full };
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

function serviceEndpoints(
  service: Service,
  slices: readonly EndpointSlice[],
  input: MeshInput,
  previous: readonly Endpoint[] | undefined,
): readonly Endpoint[] {
  const before = new Map(previous?.map((endpoint) => [place(endpoint), endpoint]));
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    for (const endpoint of sliceEndpoints(slice, service, input)) {
      const key = place(endpoint);
      const known = before.get(key);
      found.set(key, known !== undefined && sameEndpoint(known, endpoint) ? known : endpoint);
    }
  }
  const sorted = [...found].sort(([a], [b]) => compareText(a, b)).map(([, endpoint]) => endpoint);
  return keepList(previous, sorted);
}

function place(endpoint: Endpoint): string {
  return `${endpoint.portName}/${endpoint.address}/${endpoint.port}`;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.workload === b.workload &&
    a.namespace === b.namespace &&
    a.serviceAccount === b.serviceAccount &&
    a.node === b.node &&
    a.weight === b.weight &&
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
