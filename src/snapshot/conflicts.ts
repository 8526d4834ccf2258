import type { Gateway, Server } from "#api/istio/gateway.ts";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { destinationsOf } from "#config/destinations.ts";
import { ByKey } from "#model/by-key.ts";
import { resolveShortName } from "#model/host.ts";
import { selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, type Protocol, parseProtocol } from "#model/protocol.ts";
import { gatewayServiceAnnotation, routeSemanticsAnnotation } from "#model/route-semantics.ts";
import { exportTo, isVisible } from "#model/visibility.ts";
import { closedPorts } from "./closed-ports.ts";
import type { DestinationPolicies } from "./destination-rules.ts";
import type { MeshInput, Objects } from "./input.ts";
import { missingTargets, unaskable } from "./policy-conflicts.ts";
import type { Conflict } from "./problem.ts";
import type { Snapshot } from "./snapshot.ts";
import { unusedPeerAuthentications } from "./unused-peer-authentications.ts";
import { meshGateway, type RoutingRule } from "./virtual-services.ts";

/** What resources of the snapshot do to each other. Each names the other resource; of two that clash the older one has nothing. */
export function conflictsOf(snapshot: Snapshot): readonly Conflict[] {
  const { rules, policies, gateways, input, inEffect } = snapshot;
  return [
    ...meshHosts(rules),
    ...missingSubsets(inEffect.virtualServices, policies, domainOf(input.clusterDomain)),
    ...missingDelegates(inEffect.virtualServices, input.meshConfig),
    ...serverClashes(gateways),
    ...entryProtocols(inEffect.serviceEntries, input.meshConfig),
    ...unserved(gateways, input.pods),
    ...closedPorts(gateways, snapshot.services, input.pods),
    ...missingTargets.RequestAuthentication(inEffect.requestAuthentications, gateways),
    ...missingTargets.AuthorizationPolicy(inEffect.authorizationPolicies, gateways),
    ...unusedPeerAuthentications(inEffect.peerAuthentications, input.meshConfig),
    ...unaskable(inEffect.authorizationPolicies, snapshot.authorizers),
  ];
}

const domains = new ByKey<{ readonly suffix: string }>();

/** One object for each domain, to remember results by. */
function domainOf(suffix: string): { readonly suffix: string } {
  return domains.get(suffix, () => ({ suffix }));
}

/** Sidecars use one VirtualService for a host: the oldest that they see. */
const meshHosts = memo((rules: readonly RoutingRule[]): readonly Conflict[] => {
  const holders = new Map<string, RoutingRule[]>();
  const found: Conflict[] = [];
  for (const rule of rules) {
    if (!rule.gateways.has(meshGateway) || rule.semantics === "gateway") continue;
    for (const [index, host] of rule.hosts.entries()) {
      const before = holders.get(host) ?? [];
      holders.set(host, [...before, rule]);
      const older = before.find((other) => other !== rule && sameClients(other, rule) && sameProtocol(other, rule));
      if (older === undefined) continue;
      const message = `${host} is ruled in the mesh by VirtualService ${older.namespace}/${older.name}, which is older: this one isn't used for it. Put them into one`;
      found.push({ reason: "Conflict", resource: nameOf(rule), field: `spec.hosts[${index}]`, message });
    }
  }
  return found;
});

function nameOf({ namespace, name }: RoutingRule): string {
  return `VirtualService ${namespace}/${name}`;
}

function sameClients(a: RoutingRule, b: RoutingRule): boolean {
  return overlap(a.exportTo, b.exportTo);
}

/** Whether some namespace sees both. */
function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.has("*") || b.has("*") || [...a].some((namespace) => b.has(namespace));
}

function sameProtocol({ spec: a }: RoutingRule, { spec: b }: RoutingRule): boolean {
  return (["http", "tcp", "tls"] as const).some((part) => Boolean(a[part]?.length) && Boolean(b[part]?.length));
}

/** Requests to a subset that no DestinationRule has are answered 503. */
const missingSubsets = memo(
  (
    virtualServices: Objects<VirtualService>,
    policies: DestinationPolicies,
    { suffix }: { readonly suffix: string },
  ): readonly Conflict[] => {
    const byHost = new Map<string, { readonly rules: Set<string>; readonly subsets: Set<string> }>();
    for (const policy of [...policies.values()].flatMap((group) => [...group.values()].flat())) {
      const known = byHost.get(policy.host) ?? { rules: new Set<string>(), subsets: new Set<string>() };
      byHost.set(policy.host, known);
      known.rules.add(`${policy.namespace}/${policy.name}`);
      for (const { name } of policy.subsets) known.subsets.add(name);
    }
    return [...virtualServices.values()]
      .filter(({ metadata }) => metadata.annotations?.[routeSemanticsAnnotation] === undefined)
      .flatMap((source) =>
        destinationsOf(source).flatMap(({ field, destination }) => {
          const { host = "", subset = "" } = destination ?? {};
          if (subset === "") return [];
          const { name = "", namespace = "" } = source.metadata;
          const full = resolveShortName(host, namespace, suffix).toLowerCase();
          const known = byHost.get(full);
          if (known?.subsets.has(subset)) return [];
          const where = known
            ? `DestinationRule ${[...known.rules].join(", ")} doesn't define it`
            : `no DestinationRule is for ${full}`;
          const message = `"${subset}": ${where}; requests to it fail`;
          return [
            { reason: "NotFound", resource: `VirtualService ${namespace}/${name}`, field: `${field}.subset`, message },
          ] as const;
        }),
      );
  },
);

/** Routes that another VirtualService should continue, and that are left out as it isn't there, or isn't seen. */
const missingDelegates = memo((virtualServices: Objects<VirtualService>, mesh: MeshConfig): readonly Conflict[] =>
  [...virtualServices.values()].flatMap(({ metadata, spec }) => {
    const { name = "", namespace = "" } = metadata;
    return (spec.http ?? []).flatMap(({ delegate }, index) => {
      if (delegate === undefined) return [];
      const key = `${delegate.namespace || namespace}/${delegate.name ?? ""}`;
      const found = virtualServices.get(key);
      const isThere = found !== undefined && (found.spec.hosts ?? []).length === 0;
      const seenBy = exportTo(
        found?.spec.exportTo,
        found?.metadata.namespace ?? "",
        mesh.defaultVirtualServiceExportTo,
      );
      if (isThere && isVisible(seenBy, namespace)) return [];
      const why = isThere
        ? "isn't exported to this namespace"
        : found
          ? "has hosts, so it is no delegate"
          : "isn't there";
      return [
        {
          reason: "NotFound",
          resource: `VirtualService ${namespace}/${name}`,
          field: `spec.http[${index}].delegate`,
          message: `VirtualService ${key} ${why}: the route is left out`,
        } as const,
      ];
    });
  }),
);

/** Ports of one host that ServiceEntries give different protocols: one of them counts. */
const entryProtocols = memo((entries: Objects<ServiceEntry>, mesh: MeshConfig): readonly Conflict[] => {
  const holders = new Map<string, { readonly entry: ServiceEntry; readonly protocol: Protocol }[]>();
  const found: Conflict[] = [];
  for (const entry of entries.values()) {
    const { name = "", namespace = "" } = entry.metadata;
    for (const [index, port] of (entry.spec.ports ?? []).entries()) {
      const protocol = parseProtocol(port.protocol ?? "");
      for (const host of entry.spec.hosts ?? []) {
        const key = `${host} ${port.number}`;
        const before = holders.get(key) ?? [];
        holders.set(key, [...before, { entry, protocol }]);
        const older = before.find((other) => other.protocol !== protocol && sameViewers(other.entry, entry, mesh));
        if (older === undefined) continue;
        const { metadata } = older.entry;
        const message = `${host} has ${older.protocol} on port ${port.number} in ServiceEntry ${metadata.namespace}/${metadata.name}, which is older: only one of them counts`;
        const field = `spec.ports[${index}].protocol`;
        found.push({ reason: "Conflict", resource: `ServiceEntry ${namespace}/${name}`, field, message });
        break;
      }
    }
  }
  return found;
});

function sameViewers(a: ServiceEntry, b: ServiceEntry, mesh: MeshConfig): boolean {
  const viewers = ({ metadata, spec }: ServiceEntry): ReadonlySet<string> =>
    exportTo(spec.exportTo, metadata.namespace ?? "", mesh.defaultServiceExportTo);
  return overlap(viewers(a), viewers(b));
}

interface Place {
  readonly gateway: Gateway;
  readonly server: Server;
}

/** Servers of Gateways for the same proxies that can't share a port: the younger isn't opened. Istio: mergeGateways. */
const serverClashes = memo((gateways: readonly Gateway[]): readonly Conflict[] => {
  const places = new Map<string, Place[]>();
  const found: Conflict[] = [];
  for (const gateway of gateways) {
    const { name = "", namespace = "" } = gateway.metadata;
    for (const [index, server] of (gateway.spec.servers ?? []).entries()) {
      const key = `${server.bind ?? ""} ${server.port?.number ?? 0}`;
      const before = places.get(key) ?? [];
      places.set(key, [...before, { gateway, server }]);
      for (const other of before) {
        const clash = mayShareProxies(gateway, other.gateway) ? clashOf({ gateway, server }, other) : undefined;
        if (clash === undefined) continue;
        const { metadata } = other.gateway;
        const message = `${clash} of Gateway ${metadata.namespace}/${metadata.name}, which is older: this server isn't opened`;
        found.push({
          reason: "Conflict",
          resource: `Gateway ${namespace}/${name}`,
          field: `spec.servers[${index}]`,
          message,
        });
        break;
      }
    }
  }
  return found;
});

/** Whether some proxy may have all labels that both ask for. */
function mayShareProxies(a: Gateway, b: Gateway): boolean {
  if (isGenerated(a) || isGenerated(b)) return false;
  return selects(a.spec.selector, b.spec.selector ?? {}) || selects(b.spec.selector, a.spec.selector ?? {});
}

/** Made from the Kubernetes Gateway API, which tells of conflicts in its own way. */
function isGenerated({ metadata }: Gateway): boolean {
  return metadata.annotations?.[gatewayServiceAnnotation] !== undefined;
}

function clashOf(own: Place, other: Place): string | undefined {
  const protocol = parseProtocol(own.server.port?.protocol ?? "");
  const before = parseProtocol(other.server.port?.protocol ?? "");
  const number = own.server.port?.number ?? 0;
  const opens = isPlain(own.server);
  if (opens !== isPlain(other.server) || (opens && (protocol !== before || !isHttp(protocol)))) {
    return `port ${number} has protocol ${other.server.port?.protocol} in a server`;
  }
  if (opens || !endsTls(own.server) || !endsTls(other.server)) return undefined;
  const host = serverHostsOverlap(own.server.hosts ?? [], other.server.hosts ?? []);
  return host === undefined ? undefined : `TLS for ${host} on port ${number} is opened by a server`;
}

function isPlain({ tls, port }: Server): boolean {
  return tls === undefined || isHttp(parseProtocol(port?.protocol ?? ""));
}

function endsTls({ tls }: Server): boolean {
  return tls !== undefined && tls.mode !== "PASSTHROUGH" && tls.mode !== "AUTO_PASSTHROUGH";
}

/** Gateways that no proxy serves. */
const unserved = memo((gateways: readonly Gateway[], pods: MeshInput["pods"]): readonly Conflict[] =>
  gateways.flatMap((gateway) => {
    const { selector = {} } = gateway.spec;
    const { name = "", namespace = "" } = gateway.metadata;
    if (isGenerated(gateway) || Object.keys(selector).length === 0) return [];
    for (const { metadata } of pods.values()) if (selects(selector, metadata?.labels ?? {})) return [];
    const message = `no Pod has the labels ${Object.entries(selector)
      .map((pair) => pair.join("="))
      .join(",")}: nothing serves this Gateway`;
    return [{ reason: "NotFound", resource: `Gateway ${namespace}/${name}`, field: "spec.selector", message }] as const;
  }),
);

/** The first name that both lists of hosts have, whatever namespaces may use it. */
function serverHostsOverlap(a: readonly string[], b: readonly string[]): string | undefined {
  const names = new Set(b.map(nameIn));
  return a.map(nameIn).find((name) => names.has(name));
}

function nameIn(host: string): string {
  return host.slice(host.indexOf("/") + 1).toLowerCase();
}
