import type { ServicePort, ServiceSpec } from "kubernetes-types/core/v1.d.ts";
import type { KubernetesGateway, Listener } from "#api/gateway-api/gateway.ts";
import { gatewayNameLabel } from "./deployed-metadata.ts";

const serviceTypeAnnotation = "networking.istio.io/service-type";

/** A port for every number that listeners use, and one for load balancers to see whether the gateway is ready. */
export function deployedService(
  { metadata, spec }: KubernetesGateway,
  annotations: Readonly<Record<string, string>>,
  listeners: readonly Listener[],
): ServiceSpec {
  const [address] = spec.addresses ?? [];
  const type = annotations[serviceTypeAnnotation] ?? metadata.annotations?.[serviceTypeAnnotation] ?? "LoadBalancer";
  return {
    ipFamilyPolicy: "PreferDualStack",
    ports: ports(listeners),
    selector: { [gatewayNameLabel]: metadata.name ?? "" },
    ...(address?.value && type === "LoadBalancer" ? { loadBalancerIP: address.value } : {}),
    type,
  };
}

const statusPort: ServicePort = { name: "status-port", port: 15021, protocol: "TCP", appProtocol: "tcp" };

function ports(listeners: readonly Listener[]): ServicePort[] {
  const result = [statusPort];
  const taken = new Set(["status-port"]);
  for (const { name, port, protocol } of listeners) {
    const transport = protocol === "UDP" ? "UDP" : "TCP";
    if (result.some((one) => one.port === port && one.protocol === transport)) continue;
    const wanted = portName(name) || `${protocol.toLowerCase()}-${port}`;
    const free = taken.has(wanted) ? `${wanted.slice(0, 57)}-${port}` : wanted;
    taken.add(free);
    result.push({ name: free, port, protocol: transport, appProtocol: protocol.toLowerCase() });
  }
  return result;
}

/** A listener may have dots in its name, and a port may not. */
function portName(listener: string): string {
  return listener.replaceAll(".", "-").slice(0, 63).replace(/-+$/, "");
}
