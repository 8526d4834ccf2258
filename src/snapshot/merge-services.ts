import { memo } from "#model/memo.ts";
import type { Service } from "#model/service.ts";

const union = memo((a: Service, b: Service): Service => {
  const known = new Set(a.ports.map(({ port }) => port));
  const more = b.ports.filter(({ port }) => !known.has(port));
  return more.length === 0 ? a : Object.freeze({ ...a, ports: [...a.ports, ...more] });
});

/**
 * One service for each hostname, in the order in which they came. A Kubernetes Service wins over a ServiceEntry: nobody takes a
 * name before the Service is there. Of the others the first has it, and those of its namespace that are like it add their ports.
 * Istio: SidecarScope.appendSidecarServices.
 */
export function mergeServices(services: Iterable<Service>): ReadonlyMap<string, Service> {
  const result = new Map<string, Service>();
  for (const service of services) {
    const before = result.get(service.hostname);
    if (before === undefined) result.set(service.hostname, service);
    else if (before !== service) result.set(service.hostname, merge(before, service));
  }
  return result;
}

function merge(before: Service, service: Service): Service {
  if (before.registry !== service.registry) return before.registry === "Kubernetes" ? before : service;
  return isLike(before, service) ? union(before, service) : before;
}

function isLike(a: Service, b: Service): boolean {
  return (
    a.namespace === b.namespace &&
    a.resolution === b.resolution &&
    sameEntries(Object.entries(a.labels), Object.entries(b.labels)) &&
    sameEntries(Object.entries(a.selector), Object.entries(b.selector)) &&
    a.exportTo.size === b.exportTo.size &&
    [...a.exportTo].every((name) => b.exportTo.has(name))
  );
}

function sameEntries(a: readonly [string, string][], b: readonly [string, string][]): boolean {
  const other = new Map(b);
  return a.length === b.length && a.every(([key, value]) => other.get(key) === value);
}

/**
 * Of services with one hostname in several namespaces only those of one: the client's own, else a Kubernetes Service's, else that
 * of the first. Istio: selectServices.
 */
export function oneNamespacePerHost(services: readonly Service[], clientNamespace: string): readonly Service[] {
  if (!hasRivals(services)) return services;
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const before = chosen.get(service.hostname);
    if (before === undefined || isBetter(service, before, clientNamespace)) chosen.set(service.hostname, service);
  }
  return services.filter(({ hostname, namespace }) => chosen.get(hostname)?.namespace === namespace);
}

function isBetter(service: Service, before: Service, clientNamespace: string): boolean {
  if (before.namespace === clientNamespace) return false;
  if (service.namespace === clientNamespace) return true;
  return before.registry !== "Kubernetes" && service.registry === "Kubernetes";
}

/** Whether a hostname is in more than one namespace. */
const hasRivals = memo((services: readonly Service[]): boolean => {
  const owners = new Map<string, string>();
  for (const { hostname, namespace } of services) {
    const owner = owners.get(hostname);
    if (owner !== undefined && owner !== namespace) return true;
    owners.set(hostname, namespace);
  }
  return false;
});
