import type { KubeClient } from "#kube/client.ts";
import type { Change } from "#kube/informer.ts";
import { type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import type { Log } from "#log/log.ts";
import type { Cache, ClusterState } from "./cluster-state.ts";
import { discoverTypes, typeOfDefinition } from "./served-types.ts";

/** A collection that is followed, with its cache. */
export interface FollowedType {
  readonly type: ResourceType;
  readonly cache: Cache<KubeObject>;
}

/** The objects of every type there is, custom ones included: for what doesn't care about kinds (namespaces, garbage). */
export interface AllObjects {
  types(): Iterable<FollowedType>;
  /** The type that an owner reference means, in whatever version it was written. */
  find(apiVersion: string, kind: string): FollowedType | undefined;
  onChange(listener: (followed: FollowedType, change: Change<KubeObject>) => void): void;
}

/** Events have no owners, and nothing that lives shorter than they do waits for them. */
const notFollowed = new Set(["events", "events.events.k8s.io"]);

/** Discovers the built-in types once, follows the CRDs, and resolves when the caches of the built-in types are filled. */
export async function followAllObjects(client: KubeClient, state: ClusterState, log: Log): Promise<AllObjects> {
  const followed = new Map<string, FollowedType>();
  const custom = new Map<string, { readonly id: string; readonly end: AbortController }>();
  const listeners: ((followed: FollowedType, change: Change<KubeObject>) => void)[] = [];

  function follow(type: ResourceType, end?: AbortSignal): string {
    const id = groupKind(type.group, type.kind);
    const one: FollowedType = { type, cache: state.of(type, end) };
    followed.set(id, one);
    one.cache.onChange((change) => {
      for (const listener of listeners) listener(one, change);
    });
    return id;
  }

  for (const type of await discoverTypes(client))
    if (!notFollowed.has(`${type.plural}${type.group ? `.${type.group}` : ""}`) && !isCustom(type)) follow(type);
  await Promise.all([...followed.values()].map(({ cache }) => cache.synced));

  state.customResourceDefinitions.onChange(({ key, after }) => {
    const type = after && typeOfDefinition(after);
    const known = custom.get(key);
    if (type && known) return;
    if (type) {
      const end = new AbortController();
      custom.set(key, { end, id: follow(type, end.signal) });
      log.debug("following a custom resource", { resource: key });
    } else if (known && !after) {
      known.end.abort();
      custom.delete(key);
      followed.delete(known.id);
    }
  });

  function isCustom(type: ResourceType): boolean {
    return state.customResourceDefinitions.get(`${type.plural}.${type.group}`) !== undefined;
  }

  return {
    types: () => followed.values(),
    find: (apiVersion, kind) => followed.get(groupKind(apiVersion.includes("/") ? apiVersion.split("/")[0] : "", kind)),
    onChange(listener) {
      listeners.push(listener);
      for (const one of followed.values())
        for (const after of one.cache.values()) listener(one, { key: objectKey(after), before: undefined, after });
    },
  };
}

function groupKind(group: string | undefined, kind: string): string {
  return `${kind}.${group ?? ""}`;
}
