import type { Gateway } from "#api/istio/gateway.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Mesh, namespaceOf, selects } from "../mesh.ts";
import { type Message, message } from "../message.ts";

export const gatewayPorts: Analyzer = {
  name: "gateway.IngressGatewayPortAnalyzer",
  description: "a Gateway selects a workload whose service has its ports",
  needs: "cluster",
  analyze: (mesh) => mesh.gateways.flatMap((gateway) => check(mesh, gateway)),
};

function check(mesh: Mesh, gateway: Gateway): Message[] {
  const selector = gateway.spec?.selector;
  // Without a selector it applies to every gateway there is.
  if (!selector || Object.keys(selector).length === 0) return [];
  const pods = mesh.pods.filter((pod) => selects(selector, pod.metadata?.labels));
  if (pods.length === 0) {
    const text = `no pod has ${JSON.stringify(selector)}`;
    return [message("ReferencedResourceNotFound", gateway, "spec.selector", text)];
  }
  const services = mesh.services.filter((service) =>
    pods.some(
      (pod) => namespaceOf(pod) === namespaceOf(service) && selects(service.spec?.selector, pod.metadata?.labels),
    ),
  );
  // A server may name the service's port, or the one that it leads to.
  const ports = new Set(
    services.flatMap(({ spec }) => (spec?.ports ?? []).flatMap(({ port, targetPort }) => [port, targetPort])),
  );
  return (gateway.spec?.servers ?? []).flatMap(({ port }, index) => {
    if (port?.number === undefined || ports.has(port.number)) return [];
    const text = `${port.number} is no port of a service of the gateway's pods, so nothing reaches it`;
    return [message("GatewayPortNotDefinedOnService", gateway, `spec.servers[${index}].port.number`, text)];
  });
}
