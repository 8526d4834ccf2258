import type { Deployment } from "kubernetes-types/apps/v1.d.ts";
import type { Node, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { EnvoyFilterSpec } from "#api/istio/envoy-filter.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { GatewayApiInput } from "#gateway-api/input.ts";
import type { InjectMeshConfig } from "#inject/mesh.ts";
import type { KubeObject } from "#kube/object.ts";
import { clusterDomain, resolveShortName, serviceHostname } from "#model/host.ts";
import { selects as hasLabels, type Labels } from "#model/labels.ts";
import { exportTo, isVisible } from "#model/visibility.ts";
import { gatewayApiOf } from "./gateway-api.ts";
import { groupOf, structureErrors } from "./shapes.ts";

/** Everything an analysis may look at. The lists by kind hold only objects whose structure is right. */
export interface Mesh {
  readonly rootNamespace: string;
  /** Whether proxies answer their workloads' DNS queries. */
  readonly dnsCapture: boolean;
  /** Whether they also make up addresses for hosts that have none. */
  readonly dnsAutoAllocate: boolean;
  readonly all: readonly KubeObject[];
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  readonly gateways: readonly Gateway[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly requestAuthentications: readonly IstioObject<RequestAuthenticationSpec | undefined>[];
  readonly authorizationPolicies: readonly IstioObject<AuthorizationPolicySpec | undefined>[];
  readonly sidecars: readonly Sidecar[];
  readonly envoyFilters: readonly IstioObject<EnvoyFilterSpec | undefined>[];
  /** Resources of the Kubernetes Gateway API, and what they refer to. */
  readonly gatewayApi: GatewayApiInput;
  readonly services: readonly Service[];
  readonly deployments: readonly Deployment[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly namespaces: readonly KubeObject[];
}

export function meshOf(objects: readonly KubeObject[], config: InjectMeshConfig, rootNamespace: string): Mesh {
  const sound = objects.filter((object) => structureErrors(object).length === 0);
  const ofKind = <T>(kind: string, group: string): T[] =>
    // What a type promises and `structureErrors` doesn't check, analyzers read as if it could be missing.
    sound.filter((object) => object.kind === kind && groupOf(object) === group) as unknown as T[];
  const proxyMetadata = config.defaultConfig?.proxyMetadata ?? {};
  return {
    rootNamespace,
    dnsCapture: String(proxyMetadata["ISTIO_META_DNS_CAPTURE"]) === "true",
    dnsAutoAllocate: String(proxyMetadata["ISTIO_META_DNS_AUTO_ALLOCATE"]) === "true",
    all: objects,
    virtualServices: ofKind("VirtualService", "networking.istio.io"),
    destinationRules: ofKind("DestinationRule", "networking.istio.io"),
    gateways: ofKind("Gateway", "networking.istio.io"),
    serviceEntries: ofKind("ServiceEntry", "networking.istio.io"),
    requestAuthentications: ofKind("RequestAuthentication", "security.istio.io"),
    authorizationPolicies: ofKind("AuthorizationPolicy", "security.istio.io"),
    sidecars: ofKind("Sidecar", "networking.istio.io"),
    envoyFilters: ofKind("EnvoyFilter", "networking.istio.io"),
    gatewayApi: gatewayApiOf(sound, rootNamespace),
    services: ofKind("Service", ""),
    deployments: ofKind("Deployment", "apps"),
    pods: ofKind("Pod", ""),
    nodes: ofKind("Node", ""),
    namespaces: ofKind("Namespace", ""),
  };
}

/** Kubernetes' own namespaces, which are never in the mesh. Istio: inject.IgnoredNamespaces. */
export const systemNamespaces: ReadonlySet<string> = new Set([
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "local-path-storage",
]);

/** Objects read from files may leave the namespace out. */
export function namespaceOf(object: KubeObject): string {
  return object.metadata?.namespace ?? "default";
}

/** Gateways and istiod themselves, which break rules for applications. Istio: IsIstioControlPlane. */
export function isControlPlane({ metadata }: KubeObject): boolean {
  return metadata?.labels?.["istio"] !== undefined || metadata?.labels?.["release"] === "istio";
}

export function nameOf(object: KubeObject): string {
  return object.metadata?.name ?? "";
}

/** What a `namespace/name` or a `name` in `object` stands for. */
export function referenceFrom(object: KubeObject, reference: string): { namespace: string; name: string } {
  const slash = reference.indexOf("/");
  if (slash < 0) return { namespace: namespaceOf(object), name: reference };
  return { namespace: reference.slice(0, slash), name: reference.slice(slash + 1) };
}

/** A host as `object` says it, as the whole name it stands for. */
export function fullHost(host: string, object: KubeObject): string {
  return resolveShortName(host, namespaceOf(object), clusterDomain);
}

export function hostOfService(service: Service): string {
  return serviceHostname(nameOf(service), namespaceOf(service), clusterDomain);
}

/** True when `labels` hold everything that `selector` asks for; an empty selector selects nothing here. */
export function selects(selector: Labels | undefined, labels: Labels | undefined): boolean {
  return Object.keys(selector ?? {}).length > 0 && hasLabels(selector, labels ?? {});
}

/** Whether something in `owner` with this `exportTo` is seen in `namespace` (`*` or nothing: everywhere; `.`: its own). */
export function exportsTo(list: readonly string[] | undefined, owner: string, namespace: string): boolean {
  return isVisible(exportTo(list, owner, ["*"]), namespace);
}
