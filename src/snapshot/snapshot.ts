import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import type { EnvoyFilter } from "#api/istio/envoy-filter.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Endpoint, Service } from "#model/service.ts";
import type { Authorizers } from "./authorizers.ts";
import type { DestinationPolicies } from "./destination-rules.ts";
import type { MeshInput } from "./input.ts";
import type { NetworkGateways, NetworkNamer } from "./networks.ts";
import type { PeerPolicies } from "./peer-authentications.ts";
import type { Problem } from "./problem.ts";
import type { ServersByService } from "./servers.ts";
import type { InEffect } from "./usable.ts";
import type { RoutingRule } from "./virtual-services.ts";
import type { PoliciesByNamespace } from "./workload-policies.ts";

/** The mesh at one moment. Immutable; what didn't change since the previous snapshot keeps its identity. */
export interface Snapshot {
  /** Counts up from 1. */
  readonly generation: number;
  readonly input: MeshInput;
  readonly mesh: MeshConfig;
  /** Oldest first: older services win conflicts. */
  readonly services: readonly Service[];
  /** Endpoints by `endpointsKey`; services without any are absent. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  readonly servers: ServersByService;
  /** Those of services whose names proxies resolve. */
  readonly dnsEndpoints: ReadonlyMap<string, readonly Endpoint[]>;
  readonly inEffect: InEffect;
  /** Oldest first. */
  readonly rules: readonly RoutingRule[];
  readonly policies: DestinationPolicies;
  /** Oldest first. */
  readonly gateways: readonly Gateway[];
  /** Oldest first. */
  readonly envoyFilters: readonly EnvoyFilter[];
  readonly sidecars: readonly Sidecar[];
  readonly requestAuthentications: PoliciesByNamespace<RequestAuthentication>;
  readonly authorizationPolicies: PoliciesByNamespace<AuthorizationPolicy>;
  readonly peers: PeerPolicies;
  /** The network of an address. */
  readonly networkOf: NetworkNamer;
  readonly networkGateways: NetworkGateways;
  /** Whom policies let decide. */
  readonly authorizers: Authorizers;
  /** Resources that can't be used, and why. */
  readonly problems: readonly Problem[];
}
