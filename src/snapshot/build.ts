import type { Service as KubeService } from "kubernetes-types/core/v1.d.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { ByKey } from "#model/by-key.ts";
import { keepList, keepMap, memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service } from "#model/service.ts";
import { resolveAliases } from "#registry/aliases.ts";
import { convertService } from "#registry/service.ts";
import { convertServiceEntry } from "#registry/service-entry.ts";
import { authorizersOf } from "./authorizers.ts";
import { byAge, compareText } from "./config-order.ts";
import { mergeDelegates } from "./delegates.ts";
import { type DestinationPolicies, type DestinationPolicy, mergeDestinationRules } from "./destination-rules.ts";
import { buildEndpoints, dnsEndpointsOf } from "./endpoints.ts";
import { type ChangeSet, configTypes, type GeneratedConfig, type MeshInput, type Objects } from "./input.ts";
import { networkGateways, networkNamer } from "./networks.ts";
import { type PeerPolicies, peerPolicies } from "./peer-authentications.ts";
import type { Problem } from "./problem.ts";
import { buildServers } from "./servers.ts";
import type { Snapshot } from "./snapshot.ts";
import { type InEffect, usable } from "./usable.ts";
import { type RoutingRule, resolveVirtualService } from "./virtual-services.ts";
import { byNamespace } from "./workload-policies.ts";

/**
 * The snapshot of `input`. `changes` names what differs from the input of `previous`; parts that it doesn't touch are taken
 * over, and in the others each object that is the same gives the same (identical) result. Never throws for bad resources:
 * their last good version stays, or they are left out, and `problems` lists them.
 */
export function buildSnapshot(previous: Snapshot | undefined, input: MeshInput, changes: ChangeSet): Snapshot {
  const settings = settingsOf(input);
  const kept = previous !== undefined && settingsOf(previous.input) === settings ? previous : undefined;
  const touched = (...types: (keyof ChangeSet)[]): boolean => types.some((type) => (changes[type]?.size ?? 0) > 0);

  const configs =
    kept === undefined || touched(...configTypes) || !isSameGenerated(kept.input.generated, input.generated)
      ? buildConfigs(previous, input, settings)
      : kept;
  const services =
    kept === undefined || touched("services", "serviceEntries")
      ? keepList(kept?.services, buildServices(input, configs.inEffect.serviceEntries, settings))
      : kept.services;
  const { peers, inEffect } = configs;
  const networkOf = networkNamer(input);
  const endpoints =
    kept?.peers !== peers ||
    kept.networkOf !== networkOf ||
    touched("services", "endpointSlices", "pods", "nodes", "serviceEntries", "workloadEntries")
      ? keepMap(kept?.endpoints, buildEndpoints(kept, input, services, inEffect.workloadEntries, peers, networkOf))
      : kept.endpoints;
  return Object.freeze({
    generation: (previous?.generation ?? 0) + 1,
    input,
    mesh: input.meshConfig,
    services,
    endpoints,
    servers: buildServers(kept?.servers, services, endpoints, peers, input.meshConfig),
    dnsEndpoints: keepMap(kept?.dnsEndpoints, dnsEndpointsOf(services, endpoints)),
    inEffect,
    rules: configs.rules,
    policies: configs.policies,
    gateways: configs.gateways,
    envoyFilters: configs.envoyFilters,
    sidecars: configs.sidecars,
    requestAuthentications: configs.requestAuthentications,
    authorizationPolicies: configs.authorizationPolicies,
    authorizers: authorizersOf(previous?.authorizers, input.meshConfig, services, input.severalAuthorizers),
    peers,
    networkOf,
    networkGateways: networkGateways(input),
    problems: configs.problems,
  });
}

interface Settings {
  readonly domain: string;
  readonly mesh: MeshConfig;
}

const settingsByMesh = memo((_mesh: MeshConfig) => new ByKey<Settings>());

/** One object per distinct settings, so that results can be remembered by its identity. */
function settingsOf({ meshConfig: mesh, clusterDomain: domain }: MeshInput): Settings {
  return settingsByMesh(mesh).get(domain, () => ({ domain, mesh }));
}

const toService = memo((source: KubeService, { domain, mesh }: Settings) => ({
  service: convertService(source, domain, mesh),
}));

const toServices = memo((source: ServiceEntry, { mesh }: Settings) => convertServiceEntry(source, mesh));

/** Oldest first; of the same age and name those of Kubernetes come first. */
function buildServices(input: MeshInput, entries: Objects<ServiceEntry>, settings: Settings): readonly Service[] {
  const services: Service[] = [];
  for (const source of input.services.values()) {
    const { service } = toService(source, settings);
    if (service !== undefined) services.push(service);
  }
  for (const source of entries.values()) services.push(...toServices(source, settings));
  return resolveAliases(services.sort((a, b) => a.created - b.created || compareText(a.hostname, b.hostname)));
}

type Configs = Pick<
  Snapshot,
  | "inEffect"
  | "rules"
  | "policies"
  | "gateways"
  | "envoyFilters"
  | "sidecars"
  | "requestAuthentications"
  | "authorizationPolicies"
  | "peers"
  | "problems"
>;

const toRule = memo((source: VirtualService, { domain, mesh }: Settings) =>
  resolveVirtualService(source, domain, mesh),
);

function buildConfigs(previous: Snapshot | undefined, input: MeshInput, settings: Settings): Configs {
  const problems: Problem[] = [];
  const last = previous?.inEffect;
  const inEffect: InEffect = {
    virtualServices: usable("VirtualService", input.virtualServices, last?.virtualServices, problems),
    destinationRules: usable("DestinationRule", input.destinationRules, last?.destinationRules, problems),
    gateways: usable("Gateway", input.gateways, last?.gateways, problems),
    serviceEntries: usable("ServiceEntry", input.serviceEntries, last?.serviceEntries, problems),
    sidecars: usable("Sidecar", input.sidecars, last?.sidecars, problems),
    workloadEntries: usable("WorkloadEntry", input.workloadEntries, last?.workloadEntries, problems),
    workloadGroups: usable("WorkloadGroup", input.workloadGroups, last?.workloadGroups, problems),
    envoyFilters: usable("EnvoyFilter", input.envoyFilters, last?.envoyFilters, problems),
    proxyConfigs: usable("ProxyConfig", input.proxyConfigs, last?.proxyConfigs, problems),
    requestAuthentications: usable(
      "RequestAuthentication",
      input.requestAuthentications,
      last?.requestAuthentications,
      problems,
    ),
    authorizationPolicies: usable(
      "AuthorizationPolicy",
      input.authorizationPolicies,
      last?.authorizationPolicies,
      problems,
    ),
    peerAuthentications: usable("PeerAuthentication", input.peerAuthentications, last?.peerAuthentications, problems),
  };
  const { generated } = input;
  const rules = withGenerated(inEffect.virtualServices, generated.virtualServices).map((source) =>
    toRule(source, settings),
  );
  const destinationRules = withGenerated(inEffect.destinationRules, generated.destinationRules);
  const policies = mergeDestinationRules(destinationRules, settings.domain, settings.mesh);
  return {
    inEffect,
    rules: keepList<RoutingRule>(previous?.rules, mergeDelegates(rules)),
    policies: keepPolicies(previous?.policies, policies),
    gateways: keepList(previous?.gateways, withGenerated(inEffect.gateways, generated.gateways)),
    envoyFilters: keepList(previous?.envoyFilters, [...inEffect.envoyFilters.values()]),
    sidecars: keepList<Sidecar>(previous?.sidecars, [...inEffect.sidecars.values()]),
    requestAuthentications: byNamespace(previous?.requestAuthentications, inEffect.requestAuthentications),
    authorizationPolicies: byNamespace(previous?.authorizationPolicies, inEffect.authorizationPolicies),
    peers: keepPeers(previous, [...inEffect.peerAuthentications.values()], settings.mesh),
    problems,
  };
}

function keepPeers(
  previous: Snapshot | undefined,
  policies: readonly PeerAuthentication[],
  { rootNamespace }: MeshConfig,
): PeerPolicies {
  const before = previous && [...previous.inEffect.peerAuthentications.values()];
  const same = previous?.peers.rootNamespace === rootNamespace && keepList(before, policies) === before;
  return same ? previous.peers : peerPolicies(policies, rootNamespace);
}

function isSameGenerated(a: GeneratedConfig, b: GeneratedConfig): boolean {
  return (
    a.virtualServices === b.virtualServices && a.destinationRules === b.destinationRules && a.gateways === b.gateways
  );
}

/** The user's resources and those made from others, oldest first. */
function withGenerated<T extends IstioObject>(inEffect: Objects<T>, generated: readonly T[]): readonly T[] {
  return generated.length === 0 ? [...inEffect.values()] : [...inEffect.values(), ...generated].sort(byAge);
}

function keepPolicies(previous: DestinationPolicies | undefined, next: DestinationPolicies): DestinationPolicies {
  const kept = new Map<string, ReadonlyMap<string, readonly DestinationPolicy[]>>();
  for (const [namespace, group] of next) {
    const before = previous?.get(namespace);
    const same = new Map(
      [...group].map(([host, list]) => {
        const last = before?.get(host);
        return [
          host,
          keepList(
            last,
            list.map((policy, index) => keepPolicy(last?.[index], policy)),
          ),
        ] as const;
      }),
    );
    kept.set(namespace, keepMap(before, same));
  }
  return keepMap(previous, kept);
}

function keepPolicy(previous: DestinationPolicy | undefined, next: DestinationPolicy): DestinationPolicy {
  const same = previous !== undefined && keepList<DestinationRule>(previous.sources, next.sources) === previous.sources;
  return same ? previous : next;
}
