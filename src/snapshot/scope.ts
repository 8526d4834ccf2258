import { keepList, memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";
import { isVisible } from "#registry/service.ts";
import { type DestinationPolicies, type DestinationPolicy, findDestinationPolicy } from "./destination-rules.ts";
import type { Snapshot } from "./snapshot.ts";
import type { RoutingRule } from "./virtual-services.ts";

/** The services that the proxies of one namespace see, and the policies they call them by. */
export interface Destinations {
  /** Oldest first. */
  readonly services: readonly Service[];
  /** Also by their aliases. */
  readonly byHost: ReadonlyMap<string, Service>;
  readonly byPort: ReadonlyMap<number, readonly Service[]>;
  readonly policyOf: (service: Service) => DestinationPolicy | undefined;
}

/** What the proxies of one namespace see of the mesh. Shared by all of them. */
export interface Scope extends Destinations {
  readonly namespace: string;
  /** The same object as long as no service and no policy changes. */
  readonly destinations: Destinations;
  /** Oldest first; for every gateway, `mesh` included. */
  readonly rules: readonly RoutingRule[];
}

type Visible = Omit<Destinations, "policyOf">;

// Most services are seen everywhere, so most namespaces share one index.
const publicServices = memo((services: readonly Service[]): Visible | undefined =>
  services.every((service) => service.exportTo.has("*")) ? index(services) : undefined,
);
const publicRules = memo((rules: readonly RoutingRule[]) => rules.every((rule) => rule.exportTo.has("*")));

const destinationsByNamespace = memo(
  (_services: readonly Service[], _policies: DestinationPolicies, _mesh: MeshConfig) => new Map<string, Destinations>(),
);
const scopesByNamespace = memo((_byNamespace: object, _rules: readonly RoutingRule[]) => new Map<string, Scope>());

/** The scope of `namespace`: made on first use, and kept over snapshots as long as what it is made of. */
export function scopeOf(snapshot: Snapshot, namespace: string): Scope {
  const known = destinationsByNamespace(snapshot.services, snapshot.policies, snapshot.mesh);
  const scopes = scopesByNamespace(known, snapshot.rules);
  const before = scopes.get(namespace);
  if (before !== undefined) return before;
  const destinations = known.get(namespace) ?? destinationsOf(snapshot, namespace);
  known.set(namespace, destinations);
  const rules = publicRules(snapshot.rules)
    ? snapshot.rules
    : keepList(
        snapshot.rules,
        snapshot.rules.filter((rule) => isVisible(rule.exportTo, namespace)),
      );
  const scope = Object.freeze({ namespace, ...destinations, destinations, rules });
  scopes.set(namespace, scope);
  return scope;
}

// Takes only parts of the snapshot, so that the result doesn't keep the rest alive.
function destinationsOf({ services, policies, mesh }: Snapshot, namespace: string): Destinations {
  const visible =
    publicServices(services) ?? index(services.filter((service) => isVisible(service.exportTo, namespace)));
  const found = new Map<Service, DestinationPolicy | undefined>();
  const policyOf = (service: Service): DestinationPolicy | undefined => {
    if (!found.has(service)) {
      found.set(service, findDestinationPolicy(policies, namespace, service, mesh.rootNamespace));
    }
    return found.get(service);
  };
  return Object.freeze({ ...visible, policyOf });
}

function index(services: readonly Service[]): Visible {
  const byHost = new Map<string, Service>();
  const byPort = new Map<number, Service[]>();
  const unique: Service[] = [];
  for (const service of services) {
    if (byHost.has(service.hostname)) continue;
    byHost.set(service.hostname, service);
    unique.push(service);
    for (const number of new Set(service.ports.map((port) => port.port))) {
      const list = byPort.get(number);
      if (list === undefined) byPort.set(number, [service]);
      else list.push(service);
    }
  }
  for (const service of unique) {
    for (const alias of service.aliases ?? []) if (!byHost.has(alias)) byHost.set(alias, service);
  }
  return { services: unique, byHost, byPort };
}
