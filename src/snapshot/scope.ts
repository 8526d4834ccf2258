import { isIP } from "node:net";
import type { EgressListener } from "#api/istio/sidecar.ts";
import { ByKey } from "#model/by-key.ts";
import { keepList, memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";
import { isVisible } from "#model/visibility.ts";
import { type DestinationPolicies, type DestinationPolicy, findDestinationPolicy } from "./destination-rules.ts";
import { type Egress, importRules, importServices, servicesByPort } from "./egress.ts";
import { mergeServices, oneNamespacePerHost } from "./merge-services.ts";
import { routedServices } from "./routed-services.ts";
import type { Snapshot } from "./snapshot.ts";
import type { RoutingRule } from "./virtual-services.ts";

/** The services that some proxies see, and the policies they call them by. */
export interface Destinations {
  /** One for each hostname. */
  readonly services: readonly Service[];
  readonly byHost: ReadonlyMap<string, Service>;
  readonly policyOf: (service: Service) => DestinationPolicy | undefined;
}

/** What proxies of one namespace see of the mesh. Shared by all whose Sidecars bring in the same. */
export interface Scope extends Destinations {
  readonly namespace: string;
  /** The same object as long as no service and no policy changes. */
  readonly destinations: Destinations;
  /** What is called through which listeners. */
  readonly egress: readonly Egress[];
  /** In the order in which they win conflicts: those only for the namespace, then the oldest first. For every gateway too. */
  readonly rules: readonly RoutingRule[];
}

/** Whose scope it is. */
export interface Client {
  readonly namespace: string;
  /** What its Sidecar brings in, as {@link egressListeners} has it; undefined for everything. */
  readonly egress: readonly EgressListener[] | undefined;
  /** IP versions of its addresses, if it calls services by those that were allocated to them. */
  readonly autoAddresses: readonly (4 | 6)[];
  /** The DestinationRules of its namespace that select it. */
  readonly chosen: readonly DestinationPolicy[];
}

/** Tells apart clients of one namespace that are chosen by different rules. */
function clientKey({ namespace, chosen }: Client): string {
  return [namespace, ...chosen.map(({ name }) => name)].join(" ");
}

const everything: object = {};

/** Scopes by what they are made of, and then by namespace. */
const scopes = memo(
  (
    _services: readonly Service[],
    _policies: DestinationPolicies,
    _rules: readonly RoutingRule[],
    _mesh: MeshConfig,
    _egress: object,
  ) => new ByKey<Scope>(),
);

/** The scope of a client: made on first use, and kept over snapshots as long as what it is made of. */
export function scopeOf(snapshot: Snapshot, client: Client): Scope {
  const { policies, rules, mesh } = snapshot;
  const services = withAutoAddresses(snapshot.services, client.autoAddresses);
  return scopes(services, policies, rules, mesh, client.egress ?? everything).get(clientKey(client), () =>
    makeScope(services, policies, rules, mesh, client),
  );
}

function makeScope(
  services: readonly Service[],
  policies: DestinationPolicies,
  rules: readonly RoutingRule[],
  mesh: MeshConfig,
  client: Client,
): Scope {
  const { namespace, egress: listeners, autoAddresses, chosen } = client;
  const exported = areServicesPublic(services) ? services : visibleServices(services, namespace);
  const visibleRules = areRulesPublic(rules) ? rules : orderRules(rules, namespace);
  const last = lastScope(listeners ?? everything, mesh);
  const key = `${clientKey(client)} ${autoAddresses.join("")}`;
  const before = last.get(key);
  const egress = keepEgress(before?.egress, egressOf(exported, visibleRules, listeners, namespace));
  const destinations = keepDestinations(
    before,
    policies,
    listeners === undefined ? mergedOf(egress[0]?.services ?? []) : reachable(egress, exported, namespace),
    namespace,
    chosen,
    mesh,
  );
  last.set(key, { egress, destinations, policies });
  return Object.freeze({
    ...destinations,
    namespace,
    destinations,
    egress,
    rules: visibleRules,
  });
}

// Most services and rules are seen everywhere, so most namespaces share one list and one index.
const areServicesPublic = memo((services: readonly Service[]) => services.every(({ exportTo }) => exportTo.has("*")));
const areRulesPublic = memo((rules: readonly RoutingRule[]) => rules.every(({ exportTo }) => exportTo.has("*")));
const mergedOf = memo((services: readonly Service[]) => mergeServices(services));

const visibleIn = memo((_services: readonly Service[]) => new ByKey<readonly Service[]>());

function visibleServices(services: readonly Service[], namespace: string): readonly Service[] {
  return visibleIn(services).get(namespace, () => services.filter(({ exportTo }) => isVisible(exportTo, namespace)));
}

/** Istio: VirtualServicesForGateway: a namespace's private rules come first, then those exported to it, then public ones. */
function orderRules(rules: readonly RoutingRule[], namespace: string): readonly RoutingRule[] {
  const rank = (rule: RoutingRule): number => (rule.exportTo.has("*") ? 2 : rule.namespace === namespace ? 0 : 1);
  const visible = rules.filter((rule) => isVisible(rule.exportTo, namespace));
  return keepList(
    rules,
    [0, 1, 2].flatMap((wanted) => visible.filter((rule) => rank(rule) === wanted)),
  );
}

const autoAddressed = memo((_service: Service) => new ByKey<Service>());

/** The service with those of its allocated addresses that the client can call; as it is, without any. */
function autoAddressedFor(service: Service, versions: Client["autoAddresses"]): Service {
  if (service.autoAddresses.length === 0) return service;
  return autoAddressed(service).get(versions.join(""), () => {
    const addresses = service.autoAddresses.filter((address) => versions.some((version) => isIP(address) === version));
    return addresses.length === 0 ? service : Object.freeze({ ...service, addresses });
  });
}

const allAutoAddressed = memo((_services: readonly Service[]) => new ByKey<readonly Service[]>());

function withAutoAddresses(services: readonly Service[], versions: Client["autoAddresses"]): readonly Service[] {
  if (versions.length === 0) return services;
  return allAutoAddressed(services).get(versions.join(""), () =>
    services.some(({ autoAddresses }) => autoAddresses.length > 0)
      ? services.map((service) => autoAddressedFor(service, versions))
      : services,
  );
}

function egressOf(
  services: readonly Service[],
  rules: readonly RoutingRule[],
  listeners: readonly EgressListener[] | undefined,
  namespace: string,
): readonly Egress[] {
  if (listeners === undefined) {
    const own = oneNamespacePerHost(services, namespace);
    return [{ listener: undefined, services: own, byPort: servicesByPort(own), rules }];
  }
  return listeners.map((listener) => {
    const imported = oneNamespacePerHost(importServices(services, listener, namespace), namespace);
    return {
      listener,
      services: imported,
      byPort: servicesByPort(imported),
      rules: importRules(rules, listener, namespace),
    };
  });
}

/** Aliases are found too, where no service has the name. */
function withAliases(byHost: ReadonlyMap<string, Service>): ReadonlyMap<string, Service> {
  const all = new Map(byHost);
  for (const service of byHost.values()) {
    for (const alias of service.aliases) if (!all.has(alias)) all.set(alias, service);
  }
  return all;
}

/** What clusters are for: what the listeners bring in, and what their rules lead to. */
function reachable(
  egress: readonly Egress[],
  exported: readonly Service[],
  namespace: string,
): ReadonlyMap<string, Service> {
  return mergeServices(egress.flatMap((one) => [...one.services, ...routedServices(one, exported, namespace)]));
}

/**
 * What the scope of a client was made of last. A scope that turns out the same keeps its parts: a change of services that a
 * Sidecar doesn't bring in costs its proxies nothing.
 */
const lastScope = memo(
  (_egress: object, _mesh: MeshConfig) =>
    new Map<string, Pick<Scope, "egress" | "destinations"> & { readonly policies: DestinationPolicies }>(),
);

function keepEgress(before: readonly Egress[] | undefined, now: readonly Egress[]): readonly Egress[] {
  const kept = now.map((one, index) => {
    const same = before?.[index];
    return same?.listener === one.listener &&
      keepList(same?.services, one.services) === same?.services &&
      keepList(same?.rules, one.rules) === same?.rules
      ? same
      : one;
  });
  return keepList(before, kept);
}

function keepDestinations(
  before: { readonly destinations: Destinations; readonly policies: DestinationPolicies } | undefined,
  policies: DestinationPolicies,
  byHost: ReadonlyMap<string, Service>,
  namespace: string,
  chosen: readonly DestinationPolicy[],
  mesh: MeshConfig,
): Destinations {
  const services = [...byHost.values()];
  if (
    before?.policies === policies &&
    keepList(before.destinations.services, services) === before.destinations.services
  ) {
    return before.destinations;
  }
  // Takes only parts of the snapshot, so that the result doesn't keep the rest alive.
  const found = new Map<Service, DestinationPolicy | undefined>();
  const policyOf = (service: Service): DestinationPolicy | undefined => {
    if (!found.has(service)) {
      found.set(service, findDestinationPolicy(policies, namespace, service, mesh.rootNamespace, chosen));
    }
    return found.get(service);
  };
  return Object.freeze({ services, byHost: withAliases(byHost), policyOf });
}
