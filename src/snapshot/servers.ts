import { keepMap, memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { MutualTlsMode } from "#model/mutual-tls.ts";
import { createPool } from "#model/pool.ts";
import { type Endpoint, endpointsKey, type Service } from "#model/service.ts";
import { identityUri, inTrustDomains } from "#model/spiffe.ts";
import { compareText } from "./config-order.ts";
import { namespaceMutualTls, type PeerPolicies } from "./peer-authentications.ts";

/** What clients must know of those who serve a service, to talk mutual TLS with them. Frozen; equal ones are one object. */
export interface Servers {
  /** Names of which a server's certificate must have one, sorted; empty when nobody is known to serve. */
  readonly names: readonly string[];
  /** What is said for all of the service's namespace. */
  readonly mode: MutualTlsMode;
  /** Names of the ports that workloads without a sidecar serve, alone or among others. */
  readonly plainPorts: readonly string[];
}

/** By `endpointsKey`, of every service. */
export type ServersByService = ReadonlyMap<string, Servers>;

/** Of a service that isn't known. */
export const unknownServers: Servers = Object.freeze({ names: [], mode: "PERMISSIVE", plainPorts: [] });

type Endpoints = ReadonlyMap<string, readonly Endpoint[]>;

const pool = createPool<Servers>();

const nobody: readonly Endpoint[] = Object.freeze([]);

/** What the endpoints of a service say of those who serve. */
const seen = memo((endpoints: readonly Endpoint[], { trustDomain }: MeshConfig) => {
  const names = new Set<string>();
  const plain = new Set<string>();
  for (const { namespace, serviceAccount, tlsMode, portName } of endpoints) {
    const name = identityUri({ trustDomain, namespace, serviceAccount });
    if (name !== undefined) names.add(name);
    if (tlsMode === "disabled") plain.add(portName);
  }
  return { names: [...names], plainPorts: [...plain].sort(compareText) };
});

/** Those who serve each of the services; the same map as before if nothing changed. */
export function buildServers(
  previous: ServersByService | undefined,
  services: readonly Service[],
  endpoints: Endpoints,
  peers: PeerPolicies,
  mesh: MeshConfig,
): ServersByService {
  const servers = new Map<string, Servers>();
  for (const [key, group] of Map.groupBy(services, endpointsKey)) {
    servers.set(key, serversOf(group, endpoints.get(key), peers, mesh));
  }
  return keepMap(previous, servers);
}

/** Istio: ServiceAccounts, BestEffortInferServiceMTLSMode. `services` share a host and a namespace. */
export function serversOf(
  services: readonly Service[],
  endpoints: readonly Endpoint[] = nobody,
  peers: PeerPolicies,
  mesh: MeshConfig,
): Servers {
  const { names, plainPorts } = seen(endpoints, mesh);
  const told = services.flatMap(({ subjectAltNames }) => subjectAltNames);
  const all = inTrustDomains([...told, ...names], mesh.trustDomainAliases);
  const mode = namespaceMutualTls(peers, services[0]?.namespace ?? "") ?? "PERMISSIVE";
  const servers: Servers = { names: [...all].sort(compareText), mode, plainPorts };
  return pool.get(JSON.stringify(servers), () => Object.freeze(servers));
}
