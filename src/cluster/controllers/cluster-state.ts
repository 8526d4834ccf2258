import type { CustomResourceDefinition } from "kubernetes-types/apiextensions/v1.d.ts";
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "kubernetes-types/apps/v1.d.ts";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.d.ts";
import type { CronJob, Job } from "kubernetes-types/batch/v1.d.ts";
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  Pod,
  Service,
  ServiceAccount,
} from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import { apiVersionOf, type KubeObject, type ResourceType } from "#kube/object.ts";
import { type ResourceTypeName, resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

/** An informer that can be waited for: a controller that has written doesn't decide again before it sees what it wrote. */
export interface Cache<T extends KubeObject> extends Informer<T> {
  /** Resolves when `holds` is true of the object at `key`, or after a few seconds (then the next look decides anew). */
  until(key: string, holds: (object: T | undefined) => boolean): Promise<void>;
}

/** What all controllers see of the cluster; one watch per type, shared. */
export interface ClusterState {
  readonly pods: Cache<Pod>;
  readonly services: Cache<Service>;
  readonly endpoints: Cache<Endpoints>;
  readonly endpointSlices: Cache<EndpointSlice>;
  readonly namespaces: Cache<Namespace>;
  readonly nodes: Cache<Node>;
  readonly serviceAccounts: Cache<ServiceAccount>;
  readonly configMaps: Cache<ConfigMap>;
  readonly events: Cache<Event>;
  readonly deployments: Cache<Deployment>;
  readonly replicaSets: Cache<ReplicaSet>;
  readonly daemonSets: Cache<DaemonSet>;
  readonly statefulSets: Cache<StatefulSet>;
  readonly jobs: Cache<Job>;
  readonly cronJobs: Cache<CronJob>;
  readonly horizontalPodAutoscalers: Cache<HorizontalPodAutoscaler>;
  readonly podDisruptionBudgets: Cache<PodDisruptionBudget>;
  readonly customResourceDefinitions: Cache<CustomResourceDefinition>;
  /** The cache of any other type, started when it is first asked for. Give `end` when the type may go away. */
  of(type: ResourceType, end?: AbortSignal): Cache<KubeObject>;
  /** Resolves when the named caches have their first list. */
  readonly synced: Promise<void>;
}

/** How long (ms) a controller waits to see its own write. */
const patience = 5_000;

/** Starts the informers; they end with `signal`. */
export function openClusterState(client: KubeClient, options: { signal: AbortSignal; log: Log }): ClusterState {
  const caches = new Map<string, Cache<KubeObject>>();

  function of<T extends KubeObject>(type: ResourceType, end?: AbortSignal): Cache<T> {
    const id = `${apiVersionOf(type)}/${type.plural}`;
    let cache = caches.get(id);
    if (!cache) {
      const signal = end ? AbortSignal.any([options.signal, end]) : options.signal;
      cache = openCache(client, type, { ...options, signal });
      caches.set(id, cache);
      end?.addEventListener("abort", () => caches.delete(id), { once: true });
    }
    return cache as unknown as Cache<T>;
  }

  const named = <T extends KubeObject>(name: ResourceTypeName): Cache<T> => of<T>(resourceTypes[name]);
  const state = {
    pods: named<Pod>("pods"),
    services: named<Service>("services"),
    endpoints: named<Endpoints>("endpoints"),
    endpointSlices: named<EndpointSlice>("endpointSlices"),
    namespaces: named<Namespace>("namespaces"),
    nodes: named<Node>("nodes"),
    serviceAccounts: named<ServiceAccount>("serviceAccounts"),
    configMaps: named<ConfigMap>("configMaps"),
    events: named<Event>("events"),
    deployments: named<Deployment>("deployments"),
    replicaSets: named<ReplicaSet>("replicaSets"),
    daemonSets: named<DaemonSet>("daemonSets"),
    statefulSets: named<StatefulSet>("statefulSets"),
    jobs: named<Job>("jobs"),
    cronJobs: named<CronJob>("cronJobs"),
    horizontalPodAutoscalers: named<HorizontalPodAutoscaler>("horizontalPodAutoscalers"),
    podDisruptionBudgets: named<PodDisruptionBudget>("podDisruptionBudgets"),
    customResourceDefinitions: named<CustomResourceDefinition>("customResourceDefinitions"),
    of: (type: ResourceType, end?: AbortSignal): Cache<KubeObject> => of(type, end),
  };
  const synced = Promise.all([...caches.values()].map((cache) => cache.synced)).then(() => {});
  return { ...state, synced };
}

function openCache(
  client: KubeClient,
  type: ResourceType,
  options: { signal: AbortSignal; log: Log },
): Cache<KubeObject> {
  const informer = startInformer<KubeObject>(client, type, options);
  const waiting = new Map<string, Set<() => void>>();
  informer.onChange(({ key }) => {
    for (const look of waiting.get(key) ?? []) look();
  });
  return {
    get: (key) => informer.get(key),
    values: () => informer.values(),
    current: () => informer.current(),
    get size() {
      return informer.size;
    },
    synced: informer.synced,
    onChange: (listener) => informer.onChange(listener),
    until(key, holds) {
      if (options.signal.aborted || holds(informer.get(key))) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const looks = waiting.get(key) ?? new Set();
      waiting.set(key, looks);
      const end = (): void => {
        clearTimeout(timer);
        options.signal.removeEventListener("abort", end);
        looks.delete(look);
        if (looks.size === 0) waiting.delete(key);
        resolve();
      };
      const look = (): void => {
        if (holds(informer.get(key))) end();
      };
      const timer = setTimeout(end, patience);
      options.signal.addEventListener("abort", end, { once: true });
      looks.add(look);
      return promise;
    },
  };
}
