import type { KubeClient } from "#kube/client.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import { LiveObjects } from "#kube/live-objects.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { type ChangeSet, type ConfigType, configTypes, type InputObjects, type InputType } from "#snapshot/input.ts";
import type { Problem } from "#snapshot/problem.ts";
import { createLastGood } from "./last-good.ts";
import { isRelevant } from "./relevance.ts";
import type { ServedTypes } from "./served-types.ts";

/** Collections that every cluster has. */
const coreTypes = {
  services: resourceTypes.services,
  endpointSlices: resourceTypes.endpointSlices,
  pods: resourceTypes.pods,
  nodes: resourceTypes.nodes,
  namespaces: resourceTypes.namespaces,
} as const satisfies Partial<Record<InputType, ResourceType>>;

/** Collections that are there once their CRD is. */
const configResources = Object.fromEntries(configTypes.map((type) => [type, resourceTypes[type]])) as Readonly<
  Record<ConfigType, ResourceType>
>;

/** The cluster's objects, followed. */
export interface MeshObjects {
  /** Resolves when all collections were read once. */
  readonly synced: Promise<void>;
  /** The objects as they are now. Maps of types that didn't change since the last call are the same maps. */
  current(): InputObjects;
  /** Takes the keys that changed since they were taken last, of these types. */
  takeChanges(types: readonly InputType[]): ChangeSet;
  onChange(listener: (type: InputType, key: string) => void): void;
  /** New forms of objects that have errors; the last good ones are in effect instead. */
  passedOver(): readonly Problem[];
  readonly namespaces: Informer<KubeObject>;
}

export interface MeshObjectsOptions {
  readonly client: KubeClient;
  readonly served: ServedTypes;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export function followMeshObjects({ client, served, signal, log }: MeshObjectsOptions): MeshObjects {
  const names = [...(Object.keys(coreTypes) as InputType[]), ...configTypes];
  const live = new Map(names.map((type) => [type, new LiveObjects()]));
  const changed = new Map<InputType, Set<string>>();
  const listeners: ((type: InputType, key: string) => void)[] = [];
  const lastGood = createLastGood();
  let told = 0;

  function put(type: InputType, key: string, after: KubeObject | undefined): void {
    const objects = live.get(type);
    // What proxies can't tell apart keeps its identity, and so does everything that is derived from it.
    const kept = objects?.get(key);
    const next = type in configResources ? lastGood.choose(key, kept, after) : after;
    if (!isRelevant(type, kept, next)) {
      // Passed over, or good again as it was: what is told about it changes.
      if (after !== next || lastGood.problems().length !== told) tell(type, key);
      told = lastGood.problems().length;
      return;
    }
    told = lastGood.problems().length;
    objects?.put(key, next);
    const keys = changed.get(type) ?? new Set();
    changed.set(type, keys);
    keys.add(key);
    tell(type, key);
  }

  function tell(type: InputType, key: string): void {
    for (const listener of listeners) listener(type, key);
  }

  const core = Object.entries(coreTypes).map(([input, type]) => {
    const informer = startInformer<KubeObject>(client, type, { signal, log });
    informer.onChange(({ key, after }) => put(input as InputType, key, after));
    return informer;
  });
  for (const input of configTypes)
    served.follow(configResources[input], { onChange: (key, after) => put(input, key, after) });

  return {
    synced: Promise.all([...core.map(({ synced }) => synced), served.synced]).then(() => {}),
    current() {
      // Each collection was asked for by its own type.
      return Object.fromEntries(
        [...live].map(([type, objects]) => [type, objects.current()]),
      ) as unknown as InputObjects;
    },
    takeChanges(types) {
      const taken: Partial<Record<InputType, ReadonlySet<string>>> = {};
      for (const type of types) {
        const keys = changed.get(type);
        if (keys) taken[type] = keys;
        changed.delete(type);
      }
      return taken;
    },
    onChange: (listener) => void listeners.push(listener),
    passedOver: () => lastGood.problems(),
    namespaces: core[Object.keys(coreTypes).indexOf("namespaces")] as Informer<KubeObject>,
  };
}
