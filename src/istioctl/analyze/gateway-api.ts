import type { GatewayApiInput } from "#gateway-api/input.ts";
import { type KubeObject, objectKey } from "#kube/object.ts";
import { clusterDomain } from "#model/host.ts";
import { groupOf } from "./shapes.ts";

const group = "gateway.networking.k8s.io";

/** By their field in the input of the conversion. */
const kinds = {
  gatewayClasses: `${group}/GatewayClass`,
  kubernetesGateways: `${group}/Gateway`,
  listenerSets: `${group}/ListenerSet`,
  httpRoutes: `${group}/HTTPRoute`,
  grpcRoutes: `${group}/GRPCRoute`,
  tcpRoutes: `${group}/TCPRoute`,
  tlsRoutes: `${group}/TLSRoute`,
  referenceGrants: `${group}/ReferenceGrant`,
  backendTLSPolicies: `${group}/BackendTLSPolicy`,
  backendTrafficPolicies: "gateway.networking.x-k8s.io/XBackendTrafficPolicy",
  services: "/Service",
  namespaces: "/Namespace",
  serviceEntries: "networking.istio.io/ServiceEntry",
} as const;

/** What istiod would convert. Secrets and ConfigMaps aren't looked at, so nothing may be said of certificates. */
export function gatewayApiOf(objects: readonly KubeObject[], rootNamespace: string): GatewayApiInput {
  const whole = objects.filter((object) => "spec" in object && object.spec !== undefined);
  const maps = Object.entries(kinds).map(([type, kind]) => [
    type,
    new Map(
      (kind === kinds.namespaces ? objects : whole)
        .filter((object) => `${groupOf(object)}/${object.kind}` === kind)
        .map((object) => [objectKey(object), object]),
    ),
  ]);
  const input: GatewayApiInput = {
    ...(Object.fromEntries(maps) as unknown as Pick<GatewayApiInput, keyof typeof kinds>),
    secrets: new Map(),
    configMaps: new Map(),
    clusterDomain,
    rootNamespace,
    servicesNamed: (hostname) => servicesNamed(input, hostname),
    now: "",
  };
  return input;
}

/** The entries of the registry under a hostname, as far as it matters that there are any. */
function servicesNamed({ serviceEntries }: GatewayApiInput, hostname: string) {
  const found = [...serviceEntries.values()].filter(({ spec }) => spec.hosts?.includes(hostname));
  return found.map(({ metadata, spec }) => ({
    namespace: metadata.namespace ?? "",
    ports: (spec.ports ?? []).flatMap(({ number }) => number ?? []),
    endpoints: [],
    addresses: [],
    external: [],
    isLoadBalancer: false,
    isManaged: false,
  }));
}
