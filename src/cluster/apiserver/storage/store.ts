import { DatabaseSync, type StatementSync } from "node:sqlite";
import { frozenCopy, type Obj } from "../object.ts";
import { type Change, History } from "./history.ts";
import { prepareDatabase } from "./schema.ts";

/** `plural.group`, or `plural` for the core API: what a table of objects is called in here. */
export type ResourceKey = string;

/** A write that came too late: the object isn't (any more) at the revision the writer saw. */
export class StaleWriteError extends Error {
  override readonly name = "StaleWriteError";
}

/** The object is larger than what a cluster keeps. */
export class ObjectTooLargeError extends Error {
  override readonly name = "ObjectTooLargeError";
}

export interface Store {
  /** The revision of the last write. */
  readonly revision: number;
  get(resource: ResourceKey, namespace: string, name: string): Obj | undefined;
  /** In the order of namespace and name. */
  list(resource: ResourceKey, namespace?: string): readonly Obj[];
  /** As it was at `revision`; undefined when that is forgotten. */
  listAt(resource: ResourceKey, namespace: string | undefined, revision: number): readonly Obj[] | undefined;
  /** Throws {@link StaleWriteError} when the object is there. Sets `metadata.resourceVersion`. */
  create(resource: ResourceKey, object: Obj): Obj;
  /** Throws {@link StaleWriteError} unless the stored object's resourceVersion is `expected`. */
  update(resource: ResourceKey, object: Obj, expected: string): Obj;
  /** Removes the object and returns its last state; `last` replaces what the deletion event shows. */
  remove(resource: ResourceKey, object: Obj, expected: string): Obj;
  /** The changes after `revision`, or undefined when some are forgotten. */
  changesSince(resource: ResourceKey, revision: number): readonly Change[] | undefined;
  /** Calls `listener` for every later change of the resource, in order, until the returned function is called. */
  subscribe(resource: ResourceKey, listener: (change: Change) => void): () => void;
  close(): void;
}

/** Per kind, in memory. */
const changesKept = 512;
/** Of all kinds, on disk. */
const logRowsKept = 2048;
const trimEvery = 256;
/** etcd's limit, which Kubernetes' users know (bytes). */
const maxObjectBytes = 1.5 * 1024 * 1024;

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
const keyOfObject = (object: Obj): string => keyOf(object.metadata.namespace ?? "", object.metadata.name ?? "");

const texts = new WeakMap<Obj, string>();

/** JSON of a stored (so never changing) object; made once. */
export function jsonOf(stored: Obj): string {
  let text = texts.get(stored);
  if (text === undefined) {
    text = JSON.stringify(stored);
    texts.set(stored, text);
  }
  return text;
}

function openDatabase(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file);
    prepareDatabase(database);
    return database;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `the cluster's database ${file} can't be opened: ${why}; move it away to start with an empty cluster`,
      { cause },
    );
  }
}

interface Collection {
  readonly objects: Map<string, Obj>;
  /** Sorted keys; undefined after a key came or went. */
  order: string[] | undefined;
  readonly history: History;
  readonly listeners: Set<(change: Change) => void>;
}

/** Opens (or creates) the store in `file`; `:memory:` for tests. Everything is read once and kept in memory. */
export function openStore(file: string): Store {
  const database = openDatabase(file);
  const collections = new Map<ResourceKey, Collection>();

  const mark = database.prepare("SELECT value FROM marks WHERE name = ?");
  const floor = Number(mark.get("trimmed")?.["value"] ?? 0);
  let revision = Number(database.prepare("SELECT max(revision) AS last FROM log").get()?.["last"] ?? floor);

  function collection(resource: ResourceKey): Collection {
    let found = collections.get(resource);
    if (!found) {
      found = { objects: new Map(), order: undefined, history: new History(floor, changesKept), listeners: new Set() };
      collections.set(resource, found);
    }
    return found;
  }

  const parse = (text: unknown): Obj => frozenCopy(JSON.parse(String(text)) as Obj);
  // The state after one change is the state before the next: the log is parsed once, and shared.
  const states = new Map<string, Obj>();
  for (const row of database.prepare("SELECT * FROM log ORDER BY revision").iterate()) {
    const resource = String(row["resource"]);
    const object = parse(row["object"]);
    const key = `${resource} ${keyOfObject(object)}`;
    const previous = row["previous"] === null ? undefined : (states.get(key) ?? parse(row["previous"]));
    states.set(key, object);
    collection(resource).history.push({
      type: String(row["type"]) as Change["type"],
      revision: Number(row["revision"]),
      object,
      ...(previous ? { previous } : {}),
    });
  }
  for (const row of database.prepare("SELECT resource, namespace, name, object FROM objects").iterate()) {
    const resource = String(row["resource"]);
    const key = keyOf(String(row["namespace"]), String(row["name"]));
    collection(resource).objects.set(key, states.get(`${resource} ${key}`) ?? parse(row["object"]));
  }
  states.clear();

  const statements = {
    put: database.prepare("INSERT OR REPLACE INTO objects (resource, namespace, name, object) VALUES (?, ?, ?, ?)"),
    drop: database.prepare("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"),
    log: database.prepare("INSERT INTO log (revision, resource, type, object, previous) VALUES (?, ?, ?, ?, ?)"),
    trim: database.prepare("DELETE FROM log WHERE revision <= ?"),
    mark: database.prepare("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)"),
  } satisfies Record<string, StatementSync>;

  function commit(resource: ResourceKey, type: Change["type"], draft: Obj, previous: Obj | undefined): Obj {
    const next = revision + 1;
    const object: Obj = { ...draft, metadata: { ...draft.metadata, resourceVersion: String(next) } };
    const { namespace = "", name = "" } = object.metadata;
    const text = JSON.stringify(object);
    const before = previous && jsonOf(previous);
    if (text.length > maxObjectBytes)
      throw new ObjectTooLargeError(`${resource} ${keyOfObject(object)}: ${text.length} bytes`);
    database.exec("BEGIN IMMEDIATE");
    try {
      if (type === "DELETED") statements.drop.run(resource, namespace, name);
      else statements.put.run(resource, namespace, name, text);
      statements.log.run(next, resource, type, text, before ?? null);
      if (next % trimEvery === 0 && next > logRowsKept) {
        statements.trim.run(next - logRowsKept);
        statements.mark.run("trimmed", next - logRowsKept);
      }
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
    // Memory follows only what is on the disk.
    const stored = frozenCopy(object);
    texts.set(stored, text);
    revision = next;
    const into = collection(resource);
    const key = keyOf(namespace, name);
    if (type === "DELETED") into.objects.delete(key);
    else into.objects.set(key, stored);
    if (type !== "MODIFIED") into.order = undefined;
    const change: Change = { type, revision: next, object: stored, ...(previous ? { previous } : {}) };
    into.history.push(change);
    for (const listener of into.listeners) listener(change);
    return stored;
  }

  function current(resource: ResourceKey, object: Obj, expected: string): Obj {
    const stored = collection(resource).objects.get(keyOfObject(object));
    if (stored?.metadata.resourceVersion !== expected) throw new StaleWriteError(`${resource} ${keyOfObject(object)}`);
    return stored;
  }

  function sorted(objects: ReadonlyMap<string, Obj>, order: readonly string[], namespace: string | undefined): Obj[] {
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    const found: Obj[] = [];
    for (const key of order) {
      const object = key.startsWith(prefix) ? objects.get(key) : undefined;
      if (object) found.push(object);
    }
    return found;
  }

  return {
    get revision() {
      return revision;
    },
    get: (resource, namespace, name) => collections.get(resource)?.objects.get(keyOf(namespace, name)),
    list(resource, namespace) {
      const from = collections.get(resource);
      if (!from) return [];
      from.order ??= [...from.objects.keys()].sort();
      return sorted(from.objects, from.order, namespace);
    },
    listAt(resource, namespace, at) {
      const from = collection(resource);
      const undo = from.history.since(at);
      if (!undo) return undefined;
      const objects = new Map(from.objects);
      for (const change of undo.toReversed()) {
        if (change.previous) objects.set(keyOfObject(change.previous), change.previous);
        else objects.delete(keyOfObject(change.object));
      }
      return sorted(objects, [...objects.keys()].sort(), namespace);
    },
    create(resource, object) {
      if (collection(resource).objects.has(keyOfObject(object)))
        throw new StaleWriteError(`${resource} ${keyOfObject(object)} is there already`);
      return commit(resource, "ADDED", object, undefined);
    },
    update: (resource, object, expected) => commit(resource, "MODIFIED", object, current(resource, object, expected)),
    remove: (resource, object, expected) => commit(resource, "DELETED", object, current(resource, object, expected)),
    changesSince: (resource, since) => collection(resource).history.since(since),
    subscribe(resource, listener) {
      const { listeners } = collection(resource);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => database.close(),
  };
}
