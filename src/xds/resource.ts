/**
 * One xDS resource as it goes over the wire. The protocol never looks inside.
 * `version` is a hash of the content, so it stays the same over a restart of istiod.
 */
export interface Resource {
  readonly name: string;
  readonly version: string;
  /** An encoded `google.protobuf.Any`. Shared between all proxies for which the resource is the same. */
  readonly any: Uint8Array;
  /** Mesh resources that changed it after it was made, as paths that the bytes needn't name. */
  readonly patchedBy?: readonly string[];
  /** Mesh resources that it is made from, as paths, where the bytes don't name them. */
  readonly madeFrom?: readonly string[];
}

/** What a resource says of where it comes from, beside its bytes. */
export type ResourceOrigin = Pick<Resource, "patchedBy" | "madeFrom">;

/** Type URLs of what istiod serves. */
export const typeUrls = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoint: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  extensionConfig: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
  nameTable: "type.googleapis.com/istio.networking.nds.v1.NameTable",
  proxyConfig: "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig",
} as const;

/** Not a resource: the agent of a workload tells how that is. Istio: HealthInfoType. */
export const healthTypeUrl = "type.googleapis.com/istio.v1.HealthInformation";

export type ResourceType = (typeof typeUrls)[keyof typeof typeUrls];

/** The order in which a change is told, so that nothing refers to what the proxy doesn't have yet. */
export const pushOrder: readonly string[] = [
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.listener,
  typeUrls.route,
  typeUrls.secret,
  typeUrls.extensionConfig,
  typeUrls.nameTable,
  typeUrls.proxyConfig,
];

/** Istio's short names, as `istioctl` and metrics use them: `cds`, `eds` … The last part of the URL for any other type. */
export function shortTypeName(typeUrl: string): string {
  return shortNames.get(typeUrl) ?? typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

const shortNames = new Map<string, string>([
  [typeUrls.cluster, "cds"],
  [typeUrls.endpoint, "eds"],
  [typeUrls.listener, "lds"],
  [typeUrls.route, "rds"],
  [typeUrls.secret, "sds"],
  [typeUrls.extensionConfig, "ecds"],
  [typeUrls.nameTable, "nds"],
  [typeUrls.proxyConfig, "pcds"],
]);

/** Types that are always asked for by name; for all others an empty first request means everything (Istio does so too). */
const namedTypes: ReadonlySet<string> = new Set([
  typeUrls.endpoint,
  typeUrls.route,
  typeUrls.secret,
  typeUrls.extensionConfig,
]);

export function allowsWildcard(typeUrl: string): boolean {
  return !namedTypes.has(typeUrl);
}
