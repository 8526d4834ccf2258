import type { Locality } from "./locality.ts";
import type { Protocol } from "./protocol.ts";

/** Where endpoints come from. Istio: model.Resolution. */
export type Resolution =
  /** Endpoints are known. */
  | "ClientSideLB"
  /** The name is resolved by DNS (ExternalName services). */
  | "DNSLB"
  /** The client's own destination address is used (headless services). */
  | "Passthrough";

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Number or container port name; equal to `port` where the Service says nothing. */
  readonly targetPort: number | string;
}

/** A destination that can be called by name. Frozen; its identity lives as long as its Kubernetes object doesn't change. */
export interface Service {
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  /** Virtual addresses; empty for a headless service. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  readonly selector: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Namespaces that see it; `*` is every one, `~` none. */
  readonly exportTo: ReadonlySet<string>;
  /** Milliseconds since 1970; 0 when unknown. Older wins conflicts. */
  readonly created: number;
  /** For `DNSLB`: the name to resolve. */
  readonly externalName?: string;
  /** Full names of ExternalName services that stand for this one. */
  readonly aliases?: readonly string[];
  readonly headless: boolean;
  readonly publishNotReady: boolean;
}

/** One address that serves one port of a service. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Name of the service port it serves. */
  readonly portName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  readonly weight: number;
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  readonly node: string;
  /** Whether its sidecar takes mutual TLS (label `security.istio.io/tlsMode`). */
  readonly tlsMode: "istio" | "disabled";
}

/** The port with that number. */
export function findPort(service: Service, port: number): ServicePort | undefined {
  return service.ports.find((candidate) => candidate.port === port);
}
