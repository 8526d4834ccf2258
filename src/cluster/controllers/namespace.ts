import type { Namespace, NamespaceCondition } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { AllObjects, FollowedType } from "./all-objects.ts";
import { withCondition } from "./conditions.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** Kubernetes' own finalizer of a namespace: it stays until everything inside is gone. */
const finalizer = "kubernetes";

/** Empties namespaces that are being deleted, then lets them go. */
export function runNamespaces(context: ControllerContext, all: AllObjects): RunningController {
  const { client, state, log } = context;
  const { namespaces } = state;
  const queue = createWorkQueue({ name: "namespace", log, reconcile });
  /** Namespaces (by uid) whose content was listed from the server, not only seen in the caches. */
  const swept = new Set<string>();

  async function reconcile(name: string): Promise<void> {
    const namespace = namespaces.get(name);
    const uid = namespace?.metadata?.uid ?? "";
    if (!namespace?.metadata?.deletionTimestamp || !namespace.spec?.finalizers?.includes(finalizer)) {
      swept.delete(uid);
      return;
    }
    const sweeping = !swept.has(uid);
    const left = sweeping ? await sweep(name) : cached(name);
    swept.add(uid);
    // The caches may not know everything yet: the last look is at the server.
    if (left.length === 0 && (sweeping || (await sweep(name)).length === 0)) return finalize(namespace);
    const status = { phase: "Terminating", ...namespace.status, conditions: conditionsOf(namespace, left) };
    await writeStatus(client, resourceTypes.namespaces, namespaces, namespace, status);
  }

  /** Deletes what the server has in the namespace; gives what it had. */
  async function sweep(namespace: string): Promise<Content[]> {
    const found = await Promise.all(
      namespacedTypes().map(async (followed) => {
        const { items } = await client.list(followed.type, { namespace }).catch((error: unknown) => {
          // The type itself is going away.
          if (isKubeError(error, "NotFound")) return { items: [] };
          throw error;
        });
        await Promise.all(items.map((object) => remove(followed, object)));
        return items.map((object) => ({ followed, object }));
      }),
    );
    await deleteEvents(namespace);
    return found.flat();
  }

  async function deleteEvents(namespace: string): Promise<void> {
    for (const { metadata } of state.events.values())
      if (metadata.namespace === namespace)
        await client.delete(resourceTypes.events, { namespace, name: metadata.name ?? "" }).catch(ignoreMissing);
  }

  async function remove({ type }: FollowedType, { metadata }: KubeObject): Promise<void> {
    if (metadata?.deletionTimestamp !== undefined) return;
    const { name = "", namespace = "" } = metadata ?? {};
    await client.delete(type, { namespace, name, propagationPolicy: "Background" }).catch(ignoreMissing);
  }

  function cached(namespace: string): Content[] {
    return namespacedTypes().flatMap((followed) =>
      [...followed.cache.values()]
        .filter(({ metadata }) => metadata?.namespace === namespace)
        .map((object) => ({ followed, object })),
    );
  }

  function namespacedTypes(): FollowedType[] {
    return [...all.types()].filter(({ type }) => type.namespaced);
  }

  async function finalize(namespace: Namespace): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((one) => one !== finalizer);
    try {
      await client.update<Namespace>(resourceTypes.namespaces, { ...namespace, spec: { finalizers } }, "finalize");
    } catch (error) {
      ignoreMissing(error);
    }
  }

  namespaces.onChange(({ key, after }) => {
    if (after?.metadata?.deletionTimestamp) queue.add(key);
  });
  all.onChange(({ type }, { before, after }) => {
    const name = before?.metadata?.namespace;
    if (!type.namespaced || after || !name) return;
    if (namespaces.get(name)?.metadata?.deletionTimestamp) queue.add(name);
  });
  return queue;
}

interface Content {
  readonly followed: FollowedType;
  readonly object: KubeObject;
}

function ignoreMissing(error: unknown): void {
  if (!isKubeError(error, "NotFound")) throw error;
}

/** What `kubectl describe namespace` shows of a deletion that takes its time. */
function conditionsOf(namespace: Namespace, left: readonly Content[]): NamespaceCondition[] {
  const counts = new Map<string, number>();
  const finalizers = new Map<string, number>();
  for (const { followed, object } of left) {
    const { plural, group } = followed.type;
    const resource = group ? `${plural}.${group}` : `${plural}.`;
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
    for (const name of object.metadata?.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  }
  const list = (map: ReadonlyMap<string, number>, words: string): string =>
    [...map].map(([name, count]) => `${name} ${words.replace("N", String(count))}`).join(", ");
  const remaining: NamespaceCondition =
    counts.size > 0
      ? {
          type: "NamespaceContentRemaining",
          status: "True",
          reason: "SomeResourcesRemain",
          message: `Some resources are remaining: ${list(counts, "has N resource instances")}`,
        }
      : {
          type: "NamespaceContentRemaining",
          status: "False",
          reason: "ContentRemoved",
          message: "All content successfully removed",
        };
  const held: NamespaceCondition =
    finalizers.size > 0
      ? {
          type: "NamespaceFinalizersRemaining",
          status: "True",
          reason: "SomeFinalizersRemain",
          message: `Some content in the namespace has finalizers remaining: ${list(finalizers, "in N resource instances")}`,
        }
      : {
          type: "NamespaceFinalizersRemaining",
          status: "False",
          reason: "ContentHasNoFinalizers",
          message: "All content-preserving finalizers finished",
        };
  const options = { now: Date.now(), compareMessage: true };
  return withCondition(withCondition(namespace.status?.conditions, remaining, options), held, options);
}
