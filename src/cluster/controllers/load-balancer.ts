import type { Service, ServiceStatus } from "kubernetes-types/core/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** Where addresses of Services come from; book-keeping only, so calls are cheap and may be repeated. */
export interface LoadBalancerAddresses {
  /** The Service's address: the one it has, else `wanted`, else a free one; undefined when there is none to give. */
  allocate(serviceKey: string, wanted?: string, shareWith?: string): string | undefined;
  release(serviceKey: string): void;
}

/** Services in which one of these annotations has the same value share an address (MetalLB's name, and an own one). */
const sharingAnnotations = [
  "weft.dev/allow-shared-ip",
  "metallb.io/allow-shared-ip",
  "metallb.universe.tf/allow-shared-ip",
];
const wantedAnnotations = [
  "weft.dev/load-balancer-ip",
  "metallb.io/loadBalancerIPs",
  "metallb.universe.tf/loadBalancerIPs",
];

/** When nothing is free, another look after so long (ms), besides the one when an address comes back. */
const retryAfter = 10_000;

/** Gives Services of type LoadBalancer their address, and takes it back. */
export function runLoadBalancers(context: ControllerContext, addresses: LoadBalancerAddresses): RunningController {
  const { client, state, log } = context;
  const { services } = state;
  const recorder = context.recorder("service-controller");
  const waiting = new Set<string>();
  const holding = new Set<string>();
  // One at a time: who comes first gets the address.
  const queue = createWorkQueue({ name: "loadbalancer", log, reconcile, concurrency: 1 });

  async function reconcile(key: string): Promise<number | void> {
    const service = services.get(key);
    if (!service || service.metadata?.deletionTimestamp || !isOurs(service)) {
      release(key);
      if (service && !isOurs(service)) await clear(service);
      return;
    }
    const held = service.status?.loadBalancer?.ingress?.[0]?.ip;
    const wanted = service.spec?.loadBalancerIP || annotation(service, wantedAnnotations) || held;
    const shareWith = sharingKey(service);
    let ip = addresses.allocate(key, wanted, shareWith);
    // After a change of ranges the former address isn't ours to give any more.
    if (ip === undefined && wanted === held && held !== undefined) ip = addresses.allocate(key, undefined, shareWith);
    if (ip === undefined) {
      if (!waiting.has(key)) {
        const what = wanted === undefined ? "no address is free" : `address ${wanted} is not free or out of range`;
        recorder.event(service, "Warning", "SyncLoadBalancerFailed", `Error syncing load balancer: ${what}`);
      }
      waiting.add(key);
      return retryAfter;
    }
    waiting.delete(key);
    holding.add(key);
    if (held !== ip) recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
    const status: ServiceStatus = { ...service.status, loadBalancer: { ingress: [{ ip, ipMode: "VIP" }] } };
    await writeStatus(client, resourceTypes.services, services, service, status);
  }

  async function clear(service: Service): Promise<void> {
    if (!service.status?.loadBalancer?.ingress?.length || service.spec?.loadBalancerClass) return;
    const status: ServiceStatus = { ...service.status, loadBalancer: {} };
    await writeStatus(client, resourceTypes.services, services, service, status);
  }

  function release(key: string): void {
    waiting.delete(key);
    if (!holding.delete(key)) return;
    addresses.release(key);
    for (const other of waiting) queue.add(other);
  }

  // Those that have an address come before those that want one, or a restart would hand it on.
  services.onChange(({ key, before, after }) => {
    if (after?.status?.loadBalancer?.ingress?.length && !before && isOurs(after)) {
      const ip = addresses.allocate(key, after.status.loadBalancer.ingress[0]?.ip, sharingKey(after));
      if (ip !== undefined) holding.add(key);
    }
    queue.add(key);
  });
  return queue;
}

function isOurs({ spec }: Service): boolean {
  return spec?.type === "LoadBalancer" && !spec.loadBalancerClass;
}

function annotation({ metadata }: Service, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = metadata?.annotations?.[name];
    if (value) return value;
  }
  return undefined;
}

/** Only Services of one namespace may share, as their owners must agree. */
function sharingKey(service: Service): string | undefined {
  const key = annotation(service, sharingAnnotations);
  return key === undefined ? undefined : `${service.metadata?.namespace}/${key}`;
}
