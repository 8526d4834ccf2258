import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import { selects as matches } from "#model/labels.ts";
import type { Proxy } from "#model/proxy.ts";
import type { Service, ServicePort } from "#model/service.ts";
import type { Snapshot } from "./snapshot.ts";

/** A port on which a workload serves a service. */
export interface ServiceTarget {
  readonly service: Service;
  readonly port: ServicePort;
  /** The port the workload listens on. */
  readonly targetPort: number;
}

/** The services whose selector takes in the proxy's pod, port by port; oldest service first. */
export function serviceTargets(snapshot: Snapshot, proxy: Proxy): readonly ServiceTarget[] {
  const pod = snapshot.input.pods.get(`${proxy.namespace}/${proxy.name}`);
  const labels = pod?.metadata?.labels ?? proxy.labels;
  const targets: ServiceTarget[] = [];
  for (const service of snapshot.services) {
    if (service.namespace !== proxy.namespace || !selects(service.selector, labels)) continue;
    for (const port of service.ports) {
      const targetPort = typeof port.targetPort === "number" ? port.targetPort : containerPort(pod, port.targetPort);
      if (targetPort !== undefined && port.protocol !== "UDP") targets.push({ service, port, targetPort });
    }
  }
  return targets;
}

function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.keys(selector).length > 0 && matches(selector, labels);
}

function containerPort(pod: Pod | undefined, name: string): number | undefined {
  const containers: readonly Container[] = [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])];
  for (const container of containers) {
    const port = container.ports?.find((candidate) => candidate.name === name);
    if (port !== undefined) return port.containerPort;
  }
  return undefined;
}
