import type { GatewayApiInput } from "./input.ts";

interface Item {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const kinds = {
  gatewayClasses: "GatewayClass",
  kubernetesGateways: "Gateway",
  listenerSets: "ListenerSet",
  httpRoutes: "HTTPRoute",
  grpcRoutes: "GRPCRoute",
  tcpRoutes: "TCPRoute",
  tlsRoutes: "TLSRoute",
  referenceGrants: "ReferenceGrant",
  backendTLSPolicies: "BackendTLSPolicy",
  backendTrafficPolicies: "XBackendTrafficPolicy",
  services: "Service",
  namespaces: "Namespace",
  secrets: "Secret",
  configMaps: "ConfigMap",
  serviceEntries: "ServiceEntry",
} as const;

/** The input of a mesh that has these objects and no more. */
export function gatewayApiInput(objects: readonly object[]): GatewayApiInput {
  const items = objects as readonly Item[];
  const key = ({ metadata: { name, namespace } }: Item): string => (namespace ? `${namespace}/${name}` : name);
  const maps = Object.entries(kinds).map(([type, kind]) => [
    type,
    new Map(items.filter((item) => item.kind === kind).map((item) => [key(item), item])),
  ]);
  return {
    ...(Object.fromEntries(maps) as Omit<GatewayApiInput, "clusterDomain" | "rootNamespace" | "servicesNamed" | "now">),
    clusterDomain: "cluster.local",
    rootNamespace: "istio-system",
    servicesNamed: () => [],
    now: "2026-01-01T00:00:00Z",
  };
}
