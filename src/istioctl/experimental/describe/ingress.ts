import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import { type Labels, selects } from "#model/labels.ts";
import type { ConfigDump } from "../../proxy-config/envoy-dump.ts";
import type { Naming } from "./naming.ts";
import { type Configuration, ruleLines, virtualServiceName } from "./service.ts";

/** A running ingress gateway. */
export interface IngressGateway {
  readonly pod: Pod;
  readonly services: readonly Service[];
  readonly dump: ConfigDump;
}

/** Where services are reached from outside. Istio: printIngressInfo. */
export function ingressLines(
  gateway: IngressGateway,
  services: readonly Service[],
  pods: readonly Labels[],
  configuration: Configuration,
  name: Naming,
): string[] {
  const lines: string[] = [];
  const told = new Set<string>();
  for (const service of services) {
    const called = { name: service.metadata?.name ?? "", namespace: service.metadata?.namespace ?? "" };
    for (const { port } of service.spec?.ports ?? []) {
      const routing = virtualServiceName(gateway.dump, called, port);
      const rule = configuration.virtualServices.get(routing);
      if (rule === undefined || told.has(routing)) continue;
      told.add(routing);
      const gateways = (rule.spec.gateways ?? []).filter((one) => one !== "mesh");
      const labels = gateway.pod.metadata?.labels ?? {};
      const serves = gateways.some((one) => {
        const [namespace = "", own] = one.includes("/") ? one.split("/", 2) : [rule.metadata.namespace ?? "", one];
        return selects(configuration.gateways.get(`${own}.${namespace}`)?.spec.selector, labels);
      });
      if (!serves) continue;
      const rules = ruleLines(service, port, pods, gateway.dump, configuration, name);
      const from = rules.findIndex((line) => line.startsWith("VirtualService:"));
      lines.push("--------------------", ...exposures(gateway), ...rules.slice(Math.max(from, 0)));
    }
  }
  return lines;
}

/** Istio: printIngressService. Only plain HTTP: what else is open depends on Gateways. */
function exposures({ services, pod }: IngressGateway): string[] {
  return services.flatMap(({ spec, status }) => {
    const ip = status?.loadBalancer?.ingress?.[0]?.ip ?? pod.status?.hostIP ?? "unknown";
    return (spec?.ports ?? [])
      .filter(({ name }) => name === "http" || name === "http2")
      .map(({ port }) => `Exposed on Ingress Gateway http://${ip}${port === 80 ? "" : `:${port}`}`);
  });
}
