import type { Namespace, Node, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { EnvoyFilter } from "#api/istio/envoy-filter.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { ProxyConfigResource } from "#api/istio/proxy-config.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { WorkloadGroup } from "#api/istio/workload-group.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { type Attachment, selectsAll } from "./attachment.ts";
import { noTokenKeys, type TokenKeys } from "./token-keys.ts";

/** Objects by `namespace/name` (`name` for cluster-scoped ones). Each object is frozen; a change replaces it. */
export type Objects<T> = ReadonlyMap<string, T>;

/** The objects that the snapshot is built from, by type. */
export interface InputObjects {
  readonly services: Objects<Service>;
  readonly endpointSlices: Objects<EndpointSlice>;
  readonly pods: Objects<Pod>;
  readonly nodes: Objects<Node>;
  readonly namespaces: Objects<Namespace>;
  readonly virtualServices: Objects<VirtualService>;
  readonly destinationRules: Objects<DestinationRule>;
  readonly gateways: Objects<Gateway>;
  readonly serviceEntries: Objects<ServiceEntry>;
  readonly sidecars: Objects<Sidecar>;
  readonly workloadEntries: Objects<WorkloadEntry>;
  readonly workloadGroups: Objects<WorkloadGroup>;
  readonly envoyFilters: Objects<EnvoyFilter>;
  readonly proxyConfigs: Objects<ProxyConfigResource>;
  readonly requestAuthentications: Objects<RequestAuthentication>;
  readonly authorizationPolicies: Objects<AuthorizationPolicy>;
  readonly peerAuthentications: Objects<PeerAuthentication>;
}

export type InputType = keyof InputObjects;

/** The types of Istio's own resources. */
export type ConfigType = Exclude<InputType, "services" | "endpointSlices" | "pods" | "nodes" | "namespaces">;

export const configTypes: readonly ConfigType[] = [
  "virtualServices",
  "destinationRules",
  "gateways",
  "serviceEntries",
  "sidecars",
  "workloadEntries",
  "workloadGroups",
  "envoyFilters",
  "proxyConfigs",
  "requestAuthentications",
  "authorizationPolicies",
  "peerAuthentications",
];

/** Istio's own resources, of all types. */
export function allConfigs(input: InputObjects): IstioObject[] {
  return configTypes.flatMap((type): IstioObject[] => [...input[type].values()]);
}

/** Istio resources that come from other kinds of resources: valid as they are, and not the user's to see. */
export interface GeneratedConfig {
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  readonly gateways: readonly Gateway[];
}

/** Everything the control plane knows, at one moment. */
export interface MeshInput extends InputObjects {
  /** The same object as long as nothing in it changes. */
  readonly tokenKeys: TokenKeys;
  readonly attachment: Attachment;
  /** Whether policies of one workload may name several extension providers. */
  readonly severalAuthorizers: boolean;
  /** From the Kubernetes Gateway API. The same lists as long as nothing in them changes. */
  readonly generated: GeneratedConfig;
  readonly meshConfig: MeshConfig;
  /** DNS domain of the cluster, such as `cluster.local`. */
  readonly clusterDomain: string;
  /** Name of the cluster: `Kubernetes` unless set otherwise. */
  readonly clusterId: string;
}

/** Keys of the objects that were added, replaced or removed since the last snapshot, by type. */
export type ChangeSet = Partial<Readonly<Record<InputType, ReadonlySet<string>>>>;

/** The input of an empty mesh, to start from: `{ ...emptyInput(mesh), services }`. */
export function emptyInput(meshConfig: MeshConfig): MeshInput {
  return {
    services: new Map(),
    endpointSlices: new Map(),
    pods: new Map(),
    nodes: new Map(),
    namespaces: new Map(),
    virtualServices: new Map(),
    destinationRules: new Map(),
    gateways: new Map(),
    serviceEntries: new Map(),
    sidecars: new Map(),
    workloadEntries: new Map(),
    workloadGroups: new Map(),
    envoyFilters: new Map(),
    proxyConfigs: new Map(),
    requestAuthentications: new Map(),
    authorizationPolicies: new Map(),
    peerAuthentications: new Map(),
    tokenKeys: noTokenKeys,
    attachment: selectsAll,
    severalAuthorizers: false,
    generated: { virtualServices: [], destinationRules: [], gateways: [] },
    meshConfig,
    clusterDomain: "cluster.local",
    clusterId: "Kubernetes",
  };
}
