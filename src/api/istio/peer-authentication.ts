import type { IstioObject } from "./object.ts";
import type { PolicySelector } from "./policy-attachment.ts";

/** Istio: security v1 PeerAuthentication. */
export type PeerAuthentication = IstioObject<PeerAuthenticationSpec>;

export interface PeerAuthenticationSpec {
  readonly selector?: PolicySelector;
  readonly mtls?: MutualTLS;
  /** By the number of the workload's own port, as text. */
  readonly portLevelMtls?: Readonly<Record<string, MutualTLS>>;
}

export interface MutualTLS {
  readonly mode?: "UNSET" | "DISABLE" | "PERMISSIVE" | "STRICT";
}
