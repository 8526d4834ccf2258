import type { KubeObject } from "#kube/object.ts";
import { definition } from "../schema/definitions.ts";
import type { JSONSchema } from "../schema/json-schema.ts";
import { type ApplyConflict, ApplyConflictError } from "./apply-conflict.ts";
import { appliedSet, compareValues } from "./compare.ts";
import { difference, type FieldSet, intersection, paths, sameSet, union, withoutRemoved } from "./field-set.ts";
import { isJsonObject, jsonEqual } from "./json-value.ts";
import { type Manager, readManagers, sameManager, writeManagers } from "./managed-fields.ts";
import { dropAbandoned, mergeApplied } from "./merge-applied.ts";
import { PatchError } from "./patch-error.ts";

export interface ApplyOptions {
  /** Undefined when the object is created by this. */
  readonly live: KubeObject | undefined;
  readonly applied: KubeObject;
  readonly manager: string;
  /** Take fields that others own and have other values. */
  readonly force: boolean;
  readonly schema: JSONSchema | undefined;
  /** RFC 3339 with seconds. */
  readonly now: string;
  readonly subresource?: string;
  /** Top-level fields that a write here does not touch, for example `status` on the object itself. */
  readonly ignore?: readonly string[];
}

export interface UpdateOptions {
  /** Undefined on create. */
  readonly before: KubeObject | undefined;
  readonly after: KubeObject;
  readonly manager: string;
  readonly operation: "Update";
  readonly schema: JSONSchema | undefined;
  /** RFC 3339 with seconds. */
  readonly now: string;
  readonly subresource?: string;
}

/** Fields that nobody owns (Kubernetes: `stripMeta`). */
const unowned: FieldSet = {
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": {
    ".": {},
    "f:name": {},
    "f:generateName": {},
    "f:namespace": {},
    "f:creationTimestamp": {},
    "f:selfLink": {},
    "f:uid": {},
    "f:generation": {},
    "f:managedFields": {},
    "f:resourceVersion": {},
    "f:deletionTimestamp": {},
    "f:deletionGracePeriodSeconds": {},
  },
};

/**
 * Server-side apply: `applied` is what `manager` wants and, from now on, all that it owns. What it no longer lists and nobody
 * else owns is removed. Throws {@link ApplyConflictError} when others own what would change, {@link PatchError} for a bad request.
 * Answers the live object itself when nothing changes.
 */
export function serverSideApply(options: ApplyOptions): KubeObject {
  const { live, manager, now, subresource = "" } = options;
  const schema = withObjectMeta(options.schema);
  const applied = without(options.applied, options.ignore ?? []);
  if (applied.metadata?.managedFields !== undefined) throw new PatchError(400, "metadata.managedFields must be nil");
  const apiVersion = applied.apiVersion ?? "";
  const self = { manager, operation: "Apply" as const, apiVersion, subresource };

  const before = live ? managersOf(live, schema) : [];
  const others = before.filter((other) => !sameManager(other, self));
  const last = before.find((other) => sameManager(other, self));
  const set = difference(appliedSet(applied, schema), unowned);

  let merged = mergeApplied(live, applied, schema);
  if (last) {
    const owned = others.reduce<FieldSet | undefined>((all, other) => union(all, other.set), union(set, unowned));
    merged = dropAbandoned(merged, last.set, owned, schema);
  }
  const { changed, removed } = compareValues(live ?? {}, merged, schema);
  const touched = difference(changed, unowned);

  const conflicts = conflictsWith(others, touched);
  if (conflicts.length > 0 && !options.force) throw new ApplyConflictError(conflicts);
  const noChange = live && !touched && !removed && last && sameSet(last.set, set);
  if (noChange) return live;
  const keepsTime = last && sameSet(last.set, set) && !touched && !removed;
  const managers = [
    ...others.flatMap((other) => reduced(other, touched, removed)),
    ...(set ? [{ ...self, set, time: keepsTime ? last.time : now }] : []),
  ];
  return withManagers(merged as KubeObject, managers);
}

/**
 * Records who owns what after a create, update or patch that is not an apply: `manager` takes what changed between
 * `before` and `after`. Cheap where little changed. An `after` whose managedFields are `[{}]` loses them all (Kubernetes).
 */
export function trackUpdate(options: UpdateOptions): KubeObject {
  const { before, after, manager, operation, now, subresource = "" } = options;
  const sent = after.metadata?.managedFields;
  if (sent?.length === 1 && Object.keys(sent[0] ?? {}).length === 0) return withManagers(after, []);
  const schema = withObjectMeta(options.schema);
  // Mostly a copy of what is stored, which was checked before.
  const stored = before?.metadata?.managedFields;
  const isNew = sent && sent.length > 0 && !jsonEqual(sent, stored);
  const known = (isNew ? readManagers(sent) : undefined) ?? readManagers(stored);
  // An object that was never tracked, or was reset, stays so until somebody applies.
  if (!known || (before && known.length === 0)) return withManagers(after, known ?? []);

  const { changed, removed } = compareValues(before ?? {}, after, schema);
  const touched = difference(changed, unowned);
  const gone = difference(removed, unowned);
  if (!touched && !gone) {
    const kept = sent && sent.length > 0 ? sent : before?.metadata?.managedFields;
    return jsonEqual(kept, sent) ? after : withEntries(after, kept);
  }
  const self = { manager, operation, apiVersion: after.apiVersion ?? "", subresource };
  const own = known.find((other) => sameManager(other, self));
  const set = union(withoutRemoved(own?.set, gone), touched);
  const managers = known.filter((other) => other !== own).flatMap((other) => reduced(other, touched, gone));
  return withManagers(after, set ? [...managers, { ...self, set, time: now }] : managers);
}

/** Those who own a live object; before the first apply whoever wrote it counts as one (Kubernetes). */
function managersOf(live: KubeObject, schema: JSONSchema | undefined): Manager[] {
  const managers = readManagers(live.metadata?.managedFields) ?? [];
  if (managers.length > 0) return managers;
  const set = difference(compareValues({}, live, schema).changed, unowned);
  if (!set) return [];
  const manager = "before-first-apply";
  return [{ manager, operation: "Update", apiVersion: live.apiVersion ?? "", time: "", subresource: "", set }];
}

function conflictsWith(others: readonly Manager[], touched: FieldSet | undefined): ApplyConflict[] {
  return others.flatMap((other) => {
    const shared = intersection(other.set, touched);
    return shared ? paths(shared).map((path) => ({ manager: other, path })) : [];
  });
}

function reduced(manager: Manager, touched: FieldSet | undefined, gone: FieldSet | undefined): Manager[] {
  const set = withoutRemoved(difference(manager.set, touched), gone);
  return set ? [set === manager.set ? manager : { ...manager, set, entry: undefined }] : [];
}

function withManagers(object: KubeObject, managers: readonly Manager[]): KubeObject {
  return withEntries(object, managers.length > 0 ? writeManagers(managers) : undefined);
}

function withEntries(object: KubeObject, entries: unknown): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata: (entries ? { ...metadata, managedFields: entries } : metadata) as never };
}

function without(object: KubeObject, fields: readonly string[]): KubeObject {
  const entries = Object.entries(object).filter(([name]) => !fields.includes(name));
  const { metadata } = object;
  if (!isJsonObject(metadata)) throw new PatchError(400, "the applied object has no metadata");
  return Object.fromEntries(entries) as KubeObject;
}

const withMeta = new WeakMap<JSONSchema, JSONSchema>();

/** A CRD's schema says nothing of metadata: the rules for finalizers, owners and managed fields are the same for all. */
function withObjectMeta(schema: JSONSchema | undefined): JSONSchema | undefined {
  const meta = definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  if (!meta || schema?.properties?.["metadata"]?.properties?.["managedFields"]) return schema;
  const base = schema ?? {};
  const known = withMeta.get(base);
  if (known) return known;
  const full: JSONSchema = { ...base, properties: { ...base.properties, metadata: meta } };
  withMeta.set(base, full);
  return full;
}
