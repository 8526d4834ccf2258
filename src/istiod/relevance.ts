import { isDeepStrictEqual } from "node:util";
import type { Namespace, Node, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { KubeObject } from "#kube/object.ts";
import { isHealthy } from "#registry/workload-endpoint.ts";
import type { InputType } from "#snapshot/input.ts";

/**
 * What of an object the snapshot depends on. Most updates of pods, nodes and services only write a status that says nothing
 * to proxies (and istiod's own status writes must not come back as pushes).
 */
const relevantParts: Readonly<Record<InputType, (object: KubeObject) => unknown>> = {
  services: (object) => [...meta(object), (object as Service).spec, (object as Service).status?.loadBalancer],
  endpointSlices: (object) => object,
  pods(object) {
    const { spec, status } = object as Pod;
    return [
      ...meta(object),
      object.metadata?.deletionTimestamp,
      [spec?.nodeName, spec?.serviceAccountName, spec?.hostNetwork, spec?.containers],
      [status?.phase, status?.podIP, status?.podIPs],
      status?.conditions?.find(({ type }) => type === "Ready")?.status,
    ];
  },
  nodes: (object) => [...meta(object), (object as Node).status?.addresses],
  namespaces: (object) => [...meta(object), (object as Namespace).status?.phase],
  virtualServices: config,
  destinationRules: config,
  gateways: config,
  serviceEntries: (object) => [config(object), (object as { status?: { addresses?: unknown } }).status?.addresses],
  sidecars: config,
  // istiod notes in annotations when the proxy came and went.
  workloadEntries: (object) => {
    const entry = object as WorkloadEntry;
    return [entry.metadata.uid, entry.metadata.labels, entry.spec, isHealthy(entry)];
  },
  workloadGroups: config,
  envoyFilters: config,
  proxyConfigs: config,
  requestAuthentications: config,
  authorizationPolicies: config,
  peerAuthentications: config,
};

function meta({ metadata }: KubeObject): unknown[] {
  return [metadata?.uid, metadata?.labels, metadata?.annotations];
}

function config(object: KubeObject): unknown {
  return [...meta(object), (object as { readonly spec?: unknown }).spec];
}

/** False when proxies can't tell the two apart. */
export function isRelevant(type: InputType, before: KubeObject | undefined, after: KubeObject | undefined): boolean {
  if (!before || !after) return true;
  const parts = relevantParts[type];
  return !isDeepStrictEqual(parts(before), parts(after));
}
