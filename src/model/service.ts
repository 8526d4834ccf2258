import type { Locality } from "./locality.ts";
import type { Protocol } from "./protocol.ts";

/** Where endpoints come from. Istio: model.Resolution. */
export type Resolution =
  /** Endpoints are known. */
  | "ClientSideLB"
  /** Names are resolved by DNS, and each address they have is an endpoint. */
  | "DNSLB"
  /** The same, but every connection goes to the first address. */
  | "DNSRoundRobinLB"
  /** The name that the client calls is resolved, whatever it is (patterns). */
  | "DynamicDNS"
  /** The client's own destination address is used (headless services). */
  | "Passthrough";

export type TrafficDistribution = "Any" | "PreferSameZone" | "PreferSameNode";

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Number or container port name; equal to `port` where the Service says nothing. */
  readonly targetPort: number | string;
}

/** A destination that can be called by name. Frozen; its identity lives as long as the object it is from doesn't change. */
export interface Service {
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  /** Whether it is a Kubernetes Service, or from a ServiceEntry. */
  readonly registry: "Kubernetes" | "External";
  /** True for what lies outside of the mesh. */
  readonly meshExternal: boolean;
  /** Virtual addresses, of a ServiceEntry also ranges of them; empty for a headless service. */
  readonly addresses: readonly string[];
  /** Addresses that clients which capture DNS call it by, where it has none of its own. */
  readonly autoAddresses: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  readonly selector: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Namespaces that see it; `*` is every one, `~` none. */
  readonly exportTo: ReadonlySet<string>;
  /** Milliseconds since 1970; 0 when unknown. Older wins conflicts. */
  readonly created: number;
  /** The name it stands for: of an ExternalName service. */
  readonly externalName?: string;
  /** Full names of ExternalName services that stand for this one. */
  readonly aliases: readonly string[];
  /** Names of which its certificate must have one, if any are given. */
  readonly subjectAltNames: readonly string[];
  /** Endpoints that the resource itself lists. */
  readonly ownEndpoints: readonly Endpoint[];
  /** Whether clients use what is near them first, and how near. Istio: model.TrafficDistribution. */
  readonly trafficDistribution: TrafficDistribution;
  readonly headless: boolean;
  readonly publishNotReady: boolean;
}

/** One address that serves one port of a service. */
export interface Endpoint {
  /** An IP address, a DNS name where names are resolved, or the path of a Unix socket. Empty: only its network's gateways reach it. */
  readonly address: string;
  /** 0 for a socket. */
  readonly port: number;
  /** Name of the service port it serves. */
  readonly portName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  readonly weight: number;
  readonly namespace: string;
  readonly workload: string;
  /** The network that its address is of; empty where there is one only. */
  readonly network: string;
  readonly serviceAccount: string;
  readonly node: string;
  /** Name by which a headless service's pod is called under the service's. */
  readonly hostname?: string;
  /** Whether Kubernetes checks that it is ready. */
  readonly isChecked: boolean;
  /** Whether its sidecar takes mutual TLS (label `security.istio.io/tlsMode`). */
  readonly tlsMode: "istio" | "disabled";
}

/** The port with that number that connections can be made to: UDP may have the same. */
export function findPort(service: Service, port: number): ServicePort | undefined {
  return service.ports.find((candidate) => candidate.port === port && candidate.protocol !== "UDP");
}

/** Key of a service's endpoints. Services of one name and namespace share them. */
export function endpointsKey({ namespace, hostname }: Pick<Service, "namespace" | "hostname">): string {
  return `${namespace}/${hostname}`;
}

/** Whether proxies resolve its endpoints' names themselves. */
export function isResolvedByDns({ resolution }: Service): boolean {
  return resolution === "DNSLB" || resolution === "DNSRoundRobinLB";
}
