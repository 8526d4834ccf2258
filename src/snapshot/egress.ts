import type { EgressListener, Sidecar } from "#api/istio/sidecar.ts";
import { ByKey } from "#model/by-key.ts";
import { hostsOverlap, isSubsetOf, isWildcard } from "#model/host.ts";
import { memo } from "#model/memo.ts";
import { createPool } from "#model/pool.ts";
import { parseProtocol } from "#model/protocol.ts";
import type { Service } from "#model/service.ts";
import type { RoutingRule } from "./virtual-services.ts";

/** What one egress listener of a Sidecar brings in; without a Sidecar there is one that brings in everything. */
export interface Egress {
  /** Undefined where no Sidecar says anything. */
  readonly listener: EgressListener | undefined;
  /** Oldest first; several may have one hostname. */
  readonly services: readonly Service[];
  readonly byPort: ReadonlyMap<number, readonly Service[]>;
  /** In the order in which they win conflicts. */
  readonly rules: readonly RoutingRule[];
}

const sameListeners = createPool<readonly EgressListener[]>();

/** The egress listeners of a Sidecar, undefined where it has none: one list for all that say the same. */
export const egressListeners: (sidecar: Sidecar) => readonly EgressListener[] | undefined = memo((sidecar: Sidecar) => {
  const { egress = [] } = sidecar.spec;
  return egress.length === 0 ? undefined : sameListeners.get(JSON.stringify(egress), () => egress);
});

/** Services by the ports they have. */
export const servicesByPort: (services: readonly Service[]) => ReadonlyMap<number, readonly Service[]> = memo(
  (services: readonly Service[]) => {
    const byPort = new Map<number, Service[]>();
    for (const service of services) {
      for (const number of new Set(service.ports.map(({ port }) => port))) {
        const list = byPort.get(number);
        if (list === undefined) byPort.set(number, [service]);
        else list.push(service);
      }
    }
    return byPort;
  },
);

/** The egress listener whose routes are asked for: that of the port or the bind address, else the one for all ports. */
export function findEgress(egress: readonly Egress[], port: number, bind = ""): Egress | undefined {
  return egress.find(({ listener }) => {
    if (listener?.port === undefined) return true;
    const number = listener.port.number ?? 0;
    return number === port && (number !== 0 || listener.bind === bind);
  });
}

/** `namespace/host` of a Sidecar, taken apart. */
interface Import {
  /** `*` for every one. */
  readonly namespace: string;
  readonly host: string;
}

interface Imports {
  readonly wanted: readonly Import[];
  /** `~namespace/host`: left out again. */
  readonly unwanted: readonly Import[];
}

const importsOf = memo((_listener: EgressListener) => new ByKey<Imports>());

function imports(listener: EgressListener, ownNamespace: string): Imports {
  return importsOf(listener).get(ownNamespace, () => readImports(listener, ownNamespace));
}

function readImports(listener: EgressListener, ownNamespace: string): Imports {
  const wanted: Import[] = [];
  const unwanted: Import[] = [];
  for (const text of listener.hosts ?? []) {
    const [owner = "", host = ""] = text.toLowerCase().split("/", 2);
    const out = owner.startsWith("~");
    const name = out ? owner.slice(1) : owner;
    // `~` alone is nobody's namespace: nothing is brought in.
    if (name === "") continue;
    (out ? unwanted : wanted).push({ namespace: name === "." ? ownNamespace : name, host });
  }
  return { wanted, unwanted };
}

const lookup = memo((services: readonly Service[]) => ({
  byHost: Map.groupBy(services, ({ hostname }) => hostname),
  byNamespace: Map.groupBy(services, ({ namespace }) => namespace),
  position: new Map(services.map((service, index) => [service, index])),
}));

/** The services that a listener brings in, oldest first. Istio: IstioEgressListenerWrapper.selectServices. */
export function importServices(
  services: readonly Service[],
  listener: EgressListener,
  ownNamespace: string,
): readonly Service[] {
  const { wanted, unwanted } = imports(listener, ownNamespace);
  const { byHost, byNamespace, position } = lookup(services);
  const found = new Set<Service>();
  for (const { namespace, host } of wanted) {
    const candidates = !isWildcard(host) ? byHost.get(host) : namespace === "*" ? services : byNamespace.get(namespace);
    for (const service of candidates ?? []) {
      if ((namespace === "*" || service.namespace === namespace) && isSubsetOf(service.hostname, host)) {
        found.add(service);
      }
    }
  }
  for (const service of found) {
    const out = unwanted.some(
      ({ namespace, host }) =>
        (namespace === "*" || service.namespace === namespace) && isSubsetOf(service.hostname, host),
    );
    if (out) found.delete(service);
  }
  const sorted = [...found].sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
  const port = listener.port?.number ?? 0;
  if (port === 0 || parseProtocol(listener.port?.protocol ?? "") === "HTTP_PROXY") return sorted;
  return sorted.flatMap((service) => onPort(service, port) ?? []);
}

const trimmed = memo((_service: Service) => new ByKey<Service>());

/** The service with those of its ports alone; itself where that is all of them, `undefined` where it is none. */
export function withPorts(service: Service, wanted: (port: number) => boolean): Service | undefined {
  const ports = service.ports.filter(({ port }) => wanted(port));
  if (ports.length === 0) return undefined;
  if (ports.length === service.ports.length) return service;
  const key = ports.map(({ port }) => port).join();
  return trimmed(service).get(key, () => Object.freeze({ ...service, ports }));
}

function onPort(service: Service, port: number): Service | undefined {
  return withPorts(service, (number) => number === port);
}

/** The rules for sidecars that a listener brings in: those with a host it names. Istio: SelectVirtualServices. */
export function importRules(
  rules: readonly RoutingRule[],
  listener: EgressListener,
  ownNamespace: string,
): readonly RoutingRule[] {
  const { wanted, unwanted } = imports(listener, ownNamespace);
  const matches = (
    rule: RoutingRule,
    { namespace, host }: Import,
    covers: (a: string, b: string) => boolean,
  ): boolean => (namespace === "*" || namespace === rule.namespace) && rule.hosts.some((name) => covers(name, host));
  return rules.filter(
    (rule) =>
      wanted.some((one) => matches(rule, one, hostsOverlap)) && !unwanted.some((one) => matches(rule, one, isSubsetOf)),
  );
}
