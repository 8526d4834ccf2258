import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import type { ConnectionPool } from "#api/istio/destination-rule.ts";
import type { ServerTLS } from "#api/istio/gateway.ts";
import { ByKey } from "#model/by-key.ts";
import { selects } from "#model/labels.ts";
import { memo, sameList } from "#model/memo.ts";
import type { Proxy } from "#model/proxy.ts";
import { type Endpoint, endpointsKey, type Service, type ServicePort } from "#model/service.ts";
import type { Snapshot } from "./snapshot.ts";

/** A port on which a workload serves a service. */
export interface ServiceTarget {
  readonly service: Service;
  readonly port: ServicePort;
  /** The port the workload listens on. */
  readonly targetPort: number;
  /** What a Sidecar says of the port. */
  readonly ingress?: IngressTarget;
}

/** An ingress listener of a Sidecar, in the terms of the proxy. */
export interface IngressTarget {
  /** What the listener calls itself: a Sidecar's port belongs to no service. */
  readonly hostname: string;
  readonly bind: string;
  /** Opens the port itself, instead of being given captured connections. */
  readonly opensPort: boolean;
  /** Where the application listens; undefined: where the client wanted to go. */
  readonly endpoint: Pick<Endpoint, "address" | "port"> | undefined;
  readonly tls: ServerTLS | undefined;
  readonly connectionPool: ConnectionPool | undefined;
}

/**
 * What a workload serves, port by port; oldest service first: the services whose selector takes in its pod, and those of
 * ServiceEntries that have its address as an endpoint.
 */
export function serviceTargets(snapshot: Snapshot, proxy: Proxy): readonly ServiceTarget[] {
  const pod = snapshot.input.pods.get(`${proxy.namespace}/${proxy.name}`);
  const labels = pod?.metadata?.labels ?? proxy.labels;
  const targets: ServiceTarget[] = [];
  for (const service of selecting(snapshot.services).get(proxy.namespace) ?? []) {
    if (!selects(service.selector, labels)) continue;
    for (const port of service.ports) {
      const targetPort = typeof port.targetPort === "number" ? port.targetPort : containerPort(pod, port.targetPort);
      if (targetPort !== undefined && port.protocol !== "UDP") targets.push(targetAt(service, port, targetPort));
    }
  }
  const external = externalTargets(snapshot.services, snapshot.endpoints);
  const found = external.size === 0 ? noTargets : new Set(proxy.ips.flatMap((ip) => external.get(ip) ?? []));
  for (const target of found) targets.push(target);
  // Pods that serve the same have the same list, also after a change of something else.
  return sameList(targets.sort((a, b) => a.service.created - b.service.created));
}

const noTargets: readonly ServiceTarget[] = Object.freeze([]);

/** Services that select pods of their namespace, by namespace. */
const selecting = memo((services: readonly Service[]): ReadonlyMap<string, readonly Service[]> => {
  const byNamespace = new Map<string, Service[]>();
  for (const service of services) {
    if (service.registry === "External" || Object.keys(service.selector).length === 0) continue;
    const list = byNamespace.get(service.namespace);
    if (list === undefined) byNamespace.set(service.namespace, [service]);
    else list.push(service);
  }
  return byNamespace;
});

const targetsOfPort = memo((_service: Service, _port: ServicePort) => new ByKey<ServiceTarget>());

/** The same target for all pods that listen there. */
function targetAt(service: Service, port: ServicePort, targetPort: number): ServiceTarget {
  return targetsOfPort(service, port).get(String(targetPort), () => Object.freeze({ service, port, targetPort }));
}

/** What the endpoints of ServiceEntries serve, by address. */
const externalTargets = memo(
  (services: readonly Service[], endpoints: Snapshot["endpoints"]): ReadonlyMap<string, readonly ServiceTarget[]> => {
    const byAddress = new Map<string, ServiceTarget[]>();
    for (const service of services) {
      if (service.registry === "Kubernetes") continue;
      for (const { address, portName, port: targetPort } of endpoints.get(endpointsKey(service)) ?? []) {
        const port = service.ports.find(({ name }) => name === portName);
        if (port === undefined || port.protocol === "UDP" || targetPort === 0) continue;
        const list = byAddress.get(address) ?? [];
        byAddress.set(address, list);
        list.push(targetAt(service, port, targetPort));
      }
    }
    return byAddress;
  },
);

function containerPort(pod: Pod | undefined, name: string): number | undefined {
  const containers: readonly Container[] = [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])];
  for (const container of containers) {
    const port = container.ports?.find((candidate) => candidate.name === name);
    if (port !== undefined) return port.containerPort;
  }
  return undefined;
}
