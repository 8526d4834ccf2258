import type { IstioObject } from "./object.ts";
import type { PolicyTargetReference } from "./policy-attachment.ts";

export type EnvoyFilter = IstioObject<EnvoyFilterSpec>;

export interface EnvoyFilterSpec {
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly targetRefs?: readonly PolicyTargetReference[];
  readonly configPatches?: readonly ConfigPatch[];
  /** Patches are applied from the lowest to the highest. */
  readonly priority?: number;
}

/** What a patch is applied to. */
export type ApplyTo =
  | "LISTENER"
  | "FILTER_CHAIN"
  | "NETWORK_FILTER"
  | "HTTP_FILTER"
  | "ROUTE_CONFIGURATION"
  | "VIRTUAL_HOST"
  | "HTTP_ROUTE"
  | "CLUSTER"
  | "EXTENSION_CONFIG"
  | "BOOTSTRAP"
  | "LISTENER_FILTER";

export type PatchOperation =
  | "MERGE"
  | "ADD"
  | "REMOVE"
  | "INSERT_BEFORE"
  | "INSERT_AFTER"
  | "INSERT_FIRST"
  | "REPLACE"
  | "MERGE_AND_REPLACE_LIST";

export interface ConfigPatch {
  readonly applyTo?: ApplyTo | "INVALID";
  readonly match?: PatchMatch;
  readonly patch?: {
    readonly operation?: PatchOperation | "INVALID";
    /** The object in JSON, as Envoy's documentation writes it. */
    readonly value?: unknown;
    readonly filterClass?: FilterClass;
  };
}

export type FilterClass = "UNSPECIFIED" | "AUTHN" | "AUTHZ" | "STATS";

export type PatchContext = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

export interface PatchMatch {
  readonly context?: PatchContext | "ANY" | "WAYPOINT";
  readonly proxy?: { readonly proxyVersion?: string; readonly metadata?: Readonly<Record<string, string>> };
  readonly listener?: ListenerMatch;
  readonly routeConfiguration?: RouteConfigurationMatch;
  readonly cluster?: ClusterMatch;
  readonly waypoint?: unknown;
}

export interface ListenerMatch {
  readonly portNumber?: number;
  readonly portName?: string;
  readonly filterChain?: FilterChainMatch;
  readonly listenerFilter?: string;
  readonly name?: string;
}

interface FilterChainMatch {
  readonly name?: string;
  readonly sni?: string;
  readonly transportProtocol?: string;
  /** Separated by commas; the chain must have them all. */
  readonly applicationProtocols?: string;
  readonly filter?: { readonly name?: string; readonly subFilter?: { readonly name?: string } };
  readonly destinationPort?: number;
  readonly transportSocket?: string;
}

interface RouteConfigurationMatch {
  readonly portNumber?: number;
  readonly portName?: string;
  /** `namespace/name` of the Gateway. */
  readonly gateway?: string;
  readonly vhost?: VirtualHostMatch;
  readonly name?: string;
}

interface VirtualHostMatch {
  readonly name?: string;
  readonly domainName?: string;
  readonly route?: { readonly name?: string; readonly action?: "ANY" | "ROUTE" | "REDIRECT" | "DIRECT_RESPONSE" };
}

export interface ClusterMatch {
  readonly portNumber?: number;
  readonly service?: string;
  readonly subset?: string;
  readonly name?: string;
}
