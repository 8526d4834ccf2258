import type { ConnectionPool } from "./destination-rule.ts";
import type { ServerTLS } from "./gateway.ts";
import type { IstioObject } from "./object.ts";
import type { Destination } from "./virtual-service.ts";
import type { WorkloadSelector } from "./workload-selector.ts";

export type Sidecar = IstioObject<SidecarSpec>;

export interface SidecarSpec {
  readonly workloadSelector?: WorkloadSelector;
  readonly ingress?: readonly IngressListener[];
  readonly egress?: readonly EgressListener[];
  readonly inboundConnectionPool?: ConnectionPool;
  readonly outboundTrafficPolicy?: OutboundTrafficPolicy;
}

export interface OutboundTrafficPolicy {
  readonly mode?: "REGISTRY_ONLY" | "ALLOW_ANY";
  readonly egressProxy?: Destination;
}

export interface SidecarPort {
  readonly number?: number;
  readonly protocol?: string;
  readonly name?: string;
  readonly targetPort?: number;
}

type CaptureMode = "DEFAULT" | "IPTABLES" | "NONE";

export interface IngressListener {
  readonly port?: SidecarPort;
  readonly bind?: string;
  readonly captureMode?: CaptureMode;
  readonly defaultEndpoint?: string;
  readonly tls?: ServerTLS;
  readonly connectionPool?: ConnectionPool;
}

export interface EgressListener {
  readonly port?: SidecarPort;
  readonly bind?: string;
  readonly captureMode?: CaptureMode;
  /** `namespace/host`. */
  readonly hosts?: readonly string[];
}
