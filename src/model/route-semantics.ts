/**
 * Marks a VirtualService made from the Kubernetes Gateway API (`gateway`: prefixes end at a slash, unknown backends answer 500) or
 * from an Ingress (`ingress`: the former only). Istio: InternalRouteSemantics.
 */
export const routeSemanticsAnnotation = "internal.istio.io/route-semantics";

/** Hostnames, by comma, of the services whose proxies serve a Gateway; there is no selector then. Istio: InternalGatewayServiceAnnotation. */
export const gatewayServiceAnnotation = "internal.istio.io/gateway-service";

/**
 * On a resource that was made from others: these, by comma, as `Kind/name.namespace` (a listener's as `Kind/name/listener.namespace`).
 * Istio: InternalParentNames.
 */
export const parentNamesAnnotation = "internal.istio.io/parents";

/** On a Gateway made from a Kubernetes one: the credential that its proxies show to backends with a BackendTLSPolicy. */
export const backendCertificateAnnotation = "internal.weft.dev/backend-certificate";
