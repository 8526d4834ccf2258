import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import type { KubeClient } from "./client.ts";
import { KubeError } from "./error.ts";
import { LiveObjects } from "./live-objects.ts";
import { type KubeObject, objectKey, type ResourceType } from "./object.ts";

/** One object that came (`before` undefined), changed, or went (`after` undefined). */
export interface Change<T> {
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** A local copy of a collection that follows the API server. Keys are {@link objectKey}; objects are frozen, all the way down. */
export interface Informer<T extends KubeObject> {
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  /** All objects as they are now: the same map until one of them changes. */
  current(): ReadonlyMap<string, T>;
  readonly size: number;
  /** Resolves when the first list is complete, or when the informer was stopped before. Never rejects. */
  readonly synced: Promise<void>;
  /** The listener also gets, at once, what is there already (as objects that came). Changes of one key arrive in order. */
  onChange(listener: (change: Change<T>) => void): void;
}

export interface InformerOptions {
  /** Ends the informer. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

const pageSize = 500;
/** Waits between attempts, in ms: the first and the longest; where the collection doesn't exist (yet), a shorter longest. */
const backOff = { first: 50, longest: 10_000, longestWhenMissing: 2_000 };
/** A watch that says nothing for so long (ms) is cut and resumed: its connection may be dead. */
const silenceLimit = 5 * 60_000;

/**
 * Lists and then watches a collection until the signal aborts. A cut watch resumes at the last resource version seen; when the
 * server no longer knows that version, the list is read again and the differences are told, so listeners miss nothing.
 * A collection that isn't served (a CRD to come) counts as empty and is asked for again.
 */
export function startInformer<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  options: InformerOptions,
): Informer<T> {
  const { signal, log: rootLog, ...selection } = options;
  const log = rootLog.with({ resource: type.group === "" ? type.plural : `${type.plural}.${type.group}` });
  const objects = new LiveObjects<T>();
  const listeners: ((change: Change<T>) => void)[] = [];
  const synced = Promise.withResolvers<void>();

  function tell(listener: (change: Change<T>) => void, change: Change<T>): void {
    try {
      listener(change);
    } catch (error) {
      log.error("listener failed", { key: change.key, error });
    }
  }

  function put(key: string, after: T | undefined): void {
    const before = objects.get(key);
    if (before === undefined && after === undefined) return;
    if (before && after && isSame(before, after)) return;
    objects.put(key, after && deepFreeze(after));
    for (const listener of listeners) tell(listener, { key, before, after });
  }

  /** Reads everything, then applies the differences in one go. Returns where the watch starts. */
  async function relist(): Promise<string> {
    const found = new Map<string, T>();
    let page = await client.list<T>(type, { ...selection, limit: pageSize });
    for (;;) {
      for (const item of page.items) found.set(objectKey(item), item);
      if (!page.continue) break;
      page = await client.list<T>(type, { ...selection, limit: pageSize, continue: page.continue });
    }
    if (signal.aborted) return page.resourceVersion;
    replaceAll(found);
    synced.resolve();
    return page.resourceVersion;
  }

  function replaceAll(found: ReadonlyMap<string, T>): void {
    for (const [key] of objects.entries()) if (!found.has(key)) put(key, undefined);
    for (const [key, object] of found) put(key, object);
  }

  /** Follows one watch until it ends; `position.version` is always the last one seen. Returns how many events came. */
  async function follow(position: { version: string }): Promise<number> {
    const cut = new AbortController();
    const silence = setTimeout(() => cut.abort(), silenceLimit);
    silence.unref();
    let events = 0;
    try {
      const watchSignal = AbortSignal.any([signal, cut.signal]);
      const watch = client.watch<T>(type, { ...selection, resourceVersion: position.version, signal: watchSignal });
      for await (const event of watch) {
        if (signal.aborted) break;
        silence.refresh();
        events += 1;
        position.version = event.object.metadata?.resourceVersion ?? position.version;
        if (event.type === "BOOKMARK") continue;
        put(objectKey(event.object), event.type === "DELETED" ? undefined : event.object);
      }
    } catch (error) {
      if (!cut.signal.aborted || signal.aborted) throw error;
    } finally {
      clearTimeout(silence);
      cut.abort();
    }
    return events;
  }

  async function run(): Promise<void> {
    let position: { version: string } | undefined;
    let failures = 0;
    let missing = false;
    while (!signal.aborted) {
      try {
        if (position === undefined) {
          position = { version: await relist() };
          missing = false;
        }
        const before = position.version;
        const started = Date.now();
        const events = await follow(position);
        // A server that ends every watch at once mustn't be asked in a tight loop.
        const useful = events > 0 || position.version !== before || Date.now() - started > 1_000;
        failures = useful ? 0 : failures + 1;
        if (!useful) await sleep(delay(failures, backOff.longest), undefined, { signal });
      } catch (error) {
        if (signal.aborted) break;
        failures += 1;
        const code = error instanceof KubeError ? error.code : undefined;
        const isGone = code === 410 || (error instanceof KubeError && error.reason === "Expired");
        if (isGone) {
          log.info("watch is too old; listing again", { resourceVersion: position?.version });
          // The first time at once: only a second failure in a row waits.
          const wasListing = position === undefined;
          position = undefined;
          if (!wasListing && failures === 1) continue;
        } else if (code === 404) {
          if (!missing) log.info("not served yet; waiting for it");
          missing = true;
          position = undefined;
          replaceAll(new Map());
        } else if (failures === 1 || failures % 10 === 0) {
          log.warn("lost the API server; trying again", { failures, error });
        }
        const longest = code === 404 ? backOff.longestWhenMissing : backOff.longest;
        await sleep(delay(failures, longest), undefined, { signal }).catch(() => {});
      }
    }
    synced.resolve();
  }

  run().catch((error: unknown) => {
    if (!signal.aborted) log.error("informer stopped", { error });
    synced.resolve();
  });

  return {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    current: () => objects.current(),
    get size() {
      return objects.size;
    },
    synced: synced.promise,
    onChange(listener) {
      listeners.push(listener);
      for (const [key, after] of objects.entries()) tell(listener, { key, before: undefined, after });
    },
  };
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return a.metadata?.uid === b.metadata?.uid && a.metadata?.resourceVersion === b.metadata?.resourceVersion;
}

/** Exponential with full jitter over its upper half, ms. */
function delay(failures: number, longest: number): number {
  const step = Math.min(longest, backOff.first * 2 ** Math.min(failures - 1, 20));
  return step / 2 + (Math.random() * step) / 2;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
  return value;
}
