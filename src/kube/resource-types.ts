import type { ResourceType } from "./object.ts";

function type(group: string, version: string, plural: string, kind: string, namespaced = true): ResourceType {
  return { group, version, plural, kind, namespaced };
}

export type ResourceTypeName =
  | "configMaps"
  | "endpoints"
  | "events"
  | "namespaces"
  | "nodes"
  | "pods"
  | "secrets"
  | "serviceAccounts"
  | "services"
  | "daemonSets"
  | "deployments"
  | "replicaSets"
  | "statefulSets"
  | "jobs"
  | "cronJobs"
  | "endpointSlices"
  | "horizontalPodAutoscalers"
  | "podDisruptionBudgets"
  | "leases"
  | "certificateSigningRequests"
  | "tokenReviews"
  | "subjectAccessReviews"
  | "customResourceDefinitions"
  | "mutatingWebhookConfigurations"
  | "validatingWebhookConfigurations"
  | "virtualServices"
  | "destinationRules"
  | "gatewayClasses"
  | "kubernetesGateways"
  | "listenerSets"
  | "httpRoutes"
  | "grpcRoutes"
  | "tcpRoutes"
  | "tlsRoutes"
  | "referenceGrants"
  | "backendTLSPolicies"
  | "backendTrafficPolicies"
  | "ingresses"
  | "ingressClasses"
  | "gateways"
  | "serviceEntries"
  | "sidecars"
  | "workloadEntries"
  | "workloadGroups"
  | "envoyFilters"
  | "proxyConfigs"
  | "requestAuthentications"
  | "authorizationPolicies"
  | "peerAuthentications";

/** The collections that Weft itself reads and writes. */
export const resourceTypes: Readonly<Record<ResourceTypeName, ResourceType>> = {
  configMaps: type("", "v1", "configmaps", "ConfigMap"),
  endpoints: type("", "v1", "endpoints", "Endpoints"),
  events: type("", "v1", "events", "Event"),
  namespaces: type("", "v1", "namespaces", "Namespace", false),
  nodes: type("", "v1", "nodes", "Node", false),
  pods: type("", "v1", "pods", "Pod"),
  secrets: type("", "v1", "secrets", "Secret"),
  serviceAccounts: type("", "v1", "serviceaccounts", "ServiceAccount"),
  services: type("", "v1", "services", "Service"),
  daemonSets: type("apps", "v1", "daemonsets", "DaemonSet"),
  deployments: type("apps", "v1", "deployments", "Deployment"),
  replicaSets: type("apps", "v1", "replicasets", "ReplicaSet"),
  statefulSets: type("apps", "v1", "statefulsets", "StatefulSet"),
  jobs: type("batch", "v1", "jobs", "Job"),
  cronJobs: type("batch", "v1", "cronjobs", "CronJob"),
  endpointSlices: type("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
  horizontalPodAutoscalers: type("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
  podDisruptionBudgets: type("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
  leases: type("coordination.k8s.io", "v1", "leases", "Lease"),
  certificateSigningRequests: type(
    "certificates.k8s.io",
    "v1",
    "certificatesigningrequests",
    "CertificateSigningRequest",
    false,
  ),
  tokenReviews: type("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false),
  subjectAccessReviews: type("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false),
  customResourceDefinitions: type(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    false,
  ),
  mutatingWebhookConfigurations: type(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    false,
  ),
  validatingWebhookConfigurations: type(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    false,
  ),
  virtualServices: type("networking.istio.io", "v1", "virtualservices", "VirtualService"),
  destinationRules: type("networking.istio.io", "v1", "destinationrules", "DestinationRule"),
  gateways: type("networking.istio.io", "v1", "gateways", "Gateway"),
  serviceEntries: type("networking.istio.io", "v1", "serviceentries", "ServiceEntry"),
  sidecars: type("networking.istio.io", "v1", "sidecars", "Sidecar"),
  workloadEntries: type("networking.istio.io", "v1", "workloadentries", "WorkloadEntry"),
  workloadGroups: type("networking.istio.io", "v1", "workloadgroups", "WorkloadGroup"),
  envoyFilters: type("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter"),
  proxyConfigs: type("networking.istio.io", "v1beta1", "proxyconfigs", "ProxyConfig"),
  requestAuthentications: type("security.istio.io", "v1", "requestauthentications", "RequestAuthentication"),
  authorizationPolicies: type("security.istio.io", "v1", "authorizationpolicies", "AuthorizationPolicy"),
  peerAuthentications: type("security.istio.io", "v1", "peerauthentications", "PeerAuthentication"),
  gatewayClasses: type("gateway.networking.k8s.io", "v1", "gatewayclasses", "GatewayClass", false),
  kubernetesGateways: type("gateway.networking.k8s.io", "v1", "gateways", "Gateway"),
  listenerSets: type("gateway.networking.k8s.io", "v1", "listenersets", "ListenerSet"),
  httpRoutes: type("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
  grpcRoutes: type("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute"),
  tcpRoutes: type("gateway.networking.k8s.io", "v1", "tcproutes", "TCPRoute"),
  tlsRoutes: type("gateway.networking.k8s.io", "v1", "tlsroutes", "TLSRoute"),
  referenceGrants: type("gateway.networking.k8s.io", "v1", "referencegrants", "ReferenceGrant"),
  backendTLSPolicies: type("gateway.networking.k8s.io", "v1", "backendtlspolicies", "BackendTLSPolicy"),
  backendTrafficPolicies: type(
    "gateway.networking.x-k8s.io",
    "v1alpha1",
    "xbackendtrafficpolicies",
    "XBackendTrafficPolicy",
  ),
  ingresses: type("networking.k8s.io", "v1", "ingresses", "Ingress"),
  ingressClasses: type("networking.k8s.io", "v1", "ingressclasses", "IngressClass", false),
};
