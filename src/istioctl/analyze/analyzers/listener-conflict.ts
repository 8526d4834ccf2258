import type { KubernetesGateway, Listener } from "#api/gateway-api/gateway.ts";
import { classNamed } from "#gateway-api/gateway-class.ts";
import { attachedListeners } from "#gateway-api/gateways.ts";
import { listenerConflicts } from "#gateway-api/listener-conflicts.ts";
import type { Analyzer } from "../analyzer.ts";
import { isJudged } from "../judged.ts";
import type { Mesh } from "../mesh.ts";
import { type Message, message } from "../message.ts";

export const listenerConflict: Analyzer = {
  name: "k8sgateway.ListenerConflictAnalyzer",
  description: "listeners of a Kubernetes Gateway, and of its ListenerSets, don't claim the same place",
  needs: "config",
  analyze: (mesh) => [...mesh.gatewayApi.kubernetesGateways.values()].flatMap((gateway) => check(mesh, gateway)),
};

function check({ gatewayApi }: Mesh, gateway: KubernetesGateway): Message[] {
  const info = classNamed(gateway.spec.gatewayClassName, gatewayApi);
  if (info === undefined || isJudged(gateway)) return [];
  const own = gateway.spec.listeners ?? [];
  const all = [...own, ...attachedListeners(gateway, gatewayApi.listenerSets, info, gatewayApi.namespaces)];
  return [...listenerConflicts(all)].map(([listener, { other }]) => {
    const index = own.indexOf(listener);
    const text = `${nameOf(listener)} claims the place of ${nameOf(other)}, which comes before it: it isn't opened`;
    return message("ConflictingGateways", gateway, index < 0 ? "spec.listeners" : `spec.listeners[${index}]`, text);
  });
}

function nameOf({ name, port, protocol, hostname = "*" }: Listener): string {
  return `listener "${name}" (${protocol} ${hostname}:${port})`;
}
