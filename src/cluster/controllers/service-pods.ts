import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import { objectKey } from "#kube/object.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { ControllerContext } from "./controller.ts";
import { jsonEqual } from "./json-equal.ts";
import type { WorkQueue } from "./work-queue.ts";

/** The pods a Service selects; none without a selector. */
export function podsOf(state: ClusterState, service: Service): Pod[] {
  return [...state.pods.values()].filter((pod) => selects(service, pod));
}

function selects(service: Service, pod: Pod): boolean {
  const { selector } = service.spec ?? {};
  if (!selector || pod.metadata?.namespace !== service.metadata?.namespace) return false;
  return Object.entries(selector).every(([name, value]) => pod.metadata?.labels?.[name] === value);
}

/** Puts the Services of a pod into the queue when something of the pod changes that endpoints tell. */
export function enqueueServicesOfPods({ state }: ControllerContext, queue: WorkQueue): void {
  state.pods.onChange(({ before, after }) => {
    if (before && after && jsonEqual(told(before), told(after))) return;
    for (const service of state.services.values())
      if ((before && selects(service, before)) || (after && selects(service, after))) queue.add(objectKey(service));
  });
}

function told({ metadata, spec, status }: Pod): unknown {
  return [
    metadata?.uid,
    metadata?.labels,
    metadata?.deletionTimestamp === undefined,
    spec?.nodeName,
    status?.phase,
    status?.podIPs ?? status?.podIP,
    status?.conditions?.find(({ type }) => type === "Ready")?.status,
  ];
}
