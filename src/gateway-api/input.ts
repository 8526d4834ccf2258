import type { ConfigMap, Namespace, Secret, Service } from "kubernetes-types/core/v1.d.ts";
import type { GatewayClass, KubernetesGateway, ListenerSet } from "#api/gateway-api/gateway.ts";
import type { BackendTLSPolicy, BackendTrafficPolicy, ReferenceGrant } from "#api/gateway-api/policy.ts";
import type { GRPCRoute, KubernetesHTTPRoute, L4Route } from "#api/gateway-api/route.ts";
import type { IstioObject } from "#api/istio/object.ts";

/** Objects by `namespace/name`, or by name when they have no namespace. */
export type Objects<T> = ReadonlyMap<string, T>;

/** What is read of a ServiceEntry. */
type ServiceEntryNames = IstioObject<{
  readonly hosts?: readonly string[];
  readonly ports?: readonly { readonly name?: string; readonly number?: number }[];
}>;

/** One service under a hostname, as far as a Gateway's addresses follow from it. */
export interface GatewayService {
  readonly namespace: string;
  /** Numbers of its ports. */
  readonly ports: readonly number[];
  /** Of each endpoint: the service port it serves, and its own. */
  readonly endpoints: readonly { readonly port: number; readonly targetPort: number }[];
  /** Cluster IPs. */
  readonly addresses: readonly string[];
  /** Addresses from outside. */
  readonly external: readonly string[];
  readonly isLoadBalancer: boolean;
  /** Whether istiod made it for a Gateway. */
  readonly isManaged: boolean;
}

/** Everything the conversion hangs on. */
export interface GatewayApiInput {
  readonly gatewayClasses: Objects<GatewayClass>;
  readonly kubernetesGateways: Objects<KubernetesGateway>;
  readonly listenerSets: Objects<ListenerSet>;
  readonly httpRoutes: Objects<KubernetesHTTPRoute>;
  readonly grpcRoutes: Objects<GRPCRoute>;
  readonly tcpRoutes: Objects<L4Route>;
  readonly tlsRoutes: Objects<L4Route>;
  readonly referenceGrants: Objects<ReferenceGrant>;
  readonly backendTLSPolicies: Objects<BackendTLSPolicy>;
  readonly backendTrafficPolicies: Objects<BackendTrafficPolicy>;
  readonly services: Objects<Service>;
  readonly namespaces: Objects<Namespace>;
  readonly secrets: Objects<Secret>;
  readonly configMaps: Objects<ConfigMap>;
  readonly serviceEntries: Objects<ServiceEntryNames>;
  readonly clusterDomain: string;
  /** Where istiod is. */
  readonly rootNamespace: string;
  /** The services called `hostname`, one per namespace. */
  readonly servicesNamed: (hostname: string) => readonly GatewayService[];
  /** The time that conditions that change get, RFC 3339. */
  readonly now: string;
}
