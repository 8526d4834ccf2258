import type { Log } from "#log/log.ts";
import { copyOf, type Obj, timestamp } from "../object.ts";
import type { Registry } from "../registry.ts";
import { StaleWriteError, type Store } from "../storage/store.ts";
import { customKind } from "./custom-kind.ts";
import { cleanupFinalizer } from "./definition.ts";
import type { Definition } from "./definition-types.ts";

const definitions = "customresourcedefinitions.apiextensions.k8s.io";

/**
 * Serves the kinds of stored definitions from now on, and empties the kinds of deleted ones.
 * Returns a function that stops it.
 */
export function serveDefinitions(store: Store, registry: Registry, log: Log): () => void {
  const stops = new Set<() => void>();
  /** Definitions whose objects are being deleted, with the function that stops waiting. */
  const emptying = new Map<string, () => void>();

  function serve(definition: Definition): void {
    registry.setCustom(definition.metadata.name ?? "", customKind(definition));
    if (definition.metadata.deletionTimestamp !== undefined) empty(definition.metadata.name ?? "");
  }

  /** Deletes what has no finalizer, marks the rest, and lets the definition go when nothing is left. */
  function sweep(name: string): void {
    const definition = store.get(definitions, "", name);
    if (definition?.metadata.deletionTimestamp === undefined) return;
    const { spec } = definition as unknown as Definition;
    const resource = `${spec.names.plural}.${spec.group}`;
    let left = 0;
    for (const object of store.list(resource)) {
      const { metadata } = object;
      const expected = metadata.resourceVersion ?? "";
      if (!metadata.finalizers?.length) store.remove(resource, object, expected);
      else {
        left++;
        if (metadata.deletionTimestamp !== undefined) continue;
        const draft = copyOf(object);
        draft.metadata.deletionTimestamp = timestamp();
        draft.metadata.deletionGracePeriodSeconds = 0;
        store.update(resource, draft, expected);
      }
    }
    if (left > 0) return;
    emptying.get(name)?.();
    emptying.delete(name);
    release(definition);
  }

  function release(definition: Obj): void {
    const draft = copyOf(definition);
    const finalizers = (draft.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
    const expected = definition.metadata.resourceVersion ?? "";
    if (finalizers.length === 0) {
      delete draft.metadata.finalizers;
      store.remove(definitions, draft, expected);
    } else if (finalizers.length !== definition.metadata.finalizers?.length) {
      draft.metadata.finalizers = finalizers;
      store.update(definitions, draft, expected);
    }
  }

  function empty(name: string): void {
    if (emptying.has(name)) return;
    const { spec } = store.get(definitions, "", name) as unknown as Definition;
    let scheduled = false;
    // Never within the write that caused it.
    const schedule = () => {
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        if (!emptying.has(name)) return;
        try {
          sweep(name);
        } catch (error) {
          if (error instanceof StaleWriteError) schedule();
          else log.error("emptying a deleted custom resource definition failed", { definition: name, error });
        }
      });
    };
    const unsubscribe = store.subscribe(`${spec.names.plural}.${spec.group}`, (change) => {
      if (change.type === "DELETED") schedule();
    });
    emptying.set(name, unsubscribe);
    schedule();
  }

  for (const definition of store.list(definitions)) serve(definition as unknown as Definition);
  stops.add(
    store.subscribe(definitions, (change) => {
      const name = change.object.metadata.name ?? "";
      if (change.type === "DELETED") {
        registry.setCustom(name, undefined);
        emptying.get(name)?.();
        emptying.delete(name);
      } else serve(change.object as unknown as Definition);
    }),
  );
  return () => {
    for (const stop of [...stops, ...emptying.values()]) stop();
    emptying.clear();
  };
}
