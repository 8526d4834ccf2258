import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "#kube/object.ts";
import { badRequest, conflict, type FieldError, fieldError, invalid, modifiedMeanwhile } from "../api-error.ts";
import { type Core, strategyContext } from "../core.ts";
import { type Kind, storageKey } from "../kinds/kind.ts";
import { copyOf, type Obj, timestamp } from "../object.ts";
import { trackUpdate } from "../patch/apply.ts";
import { StaleWriteError } from "../storage/store.ts";
import { validateMeta } from "../validation-names.ts";
import { callWebhooks } from "./admission.ts";
import { objectAnswer } from "./answer.ts";
import { checkPlace } from "./create.ts";
import { checkSchema, decodeObject, storedSchemaOf } from "./decode.ts";
import { readObject, type Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, readDocument } from "./request.ts";
import { type WriteOptions, writeOptions } from "./write-options.ts";

/** Fields of an object whose changes count as a new generation. */
function counted(object: Obj): object {
  const { metadata: _m, status: _s, apiVersion: _a, kind: _k, ...rest } = object;
  return rest;
}

/** Takes over what the writer may not change, for the resource itself or one of its subresources. */
function keepSystemFields(draft: Obj, old: Obj, kind: Kind, hasStatus: boolean, subresource: string): void {
  const { metadata } = draft;
  const before = old.metadata;
  for (const field of ["uid", "creationTimestamp", "deletionTimestamp", "selfLink"] as const)
    if (before[field] === undefined) delete metadata[field];
    else metadata[field] = before[field];
  for (const field of ["deletionGracePeriodSeconds", "generation"] as const)
    if (before[field] === undefined) delete metadata[field];
    else metadata[field] = before[field];
  if (before.generateName !== undefined) metadata.generateName ??= before.generateName;
  // An approval is a part of the status that others may write.
  if (subresource === "status" || subresource === "approval") {
    const status = draft["status"];
    for (const field of Object.keys(draft))
      if (!["apiVersion", "kind", "metadata"].includes(field)) delete draft[field];
    for (const [field, value] of Object.entries(old))
      if (!["apiVersion", "kind", "metadata", "status"].includes(field)) draft[field] = copyOf(value);
    if (status !== undefined) draft["status"] = status;
    if (kind.custom) {
      const { managedFields } = metadata;
      draft.metadata = { ...copyOf(before), ...(managedFields ? { managedFields } : {}) };
    } else if (before.ownerReferences) metadata.ownerReferences = copyOf(before.ownerReferences);
  } else if (hasStatus) {
    if (old["status"] === undefined) delete draft["status"];
    else draft["status"] = copyOf(old["status"]);
  }
}

function finalizerErrors(draft: Obj, old: Obj): FieldError[] {
  if (old.metadata.deletionTimestamp === undefined) return [];
  const before = new Set(old.metadata.finalizers);
  const added = (draft.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  return added.length === 0
    ? []
    : [
        fieldError.forbidden(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(", ")}}`,
        ),
      ];
}

function withoutTimes(object: Obj): Obj {
  const { resourceVersion: _, managedFields, ...metadata } = object.metadata;
  const fields = (managedFields ?? []).map((entry) => ({ ...(entry as object), time: undefined }));
  return { ...object, metadata: { ...metadata, managedFields: fields } };
}

/** True when nothing holds a deleted object any more. */
export function mayGo(kind: Kind, object: Obj): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    deletionGracePeriodSeconds === 0 &&
    finalizers.length === 0 &&
    kind.held?.(object) !== true
  );
}

export interface Change {
  readonly old: Obj;
  /** Of the stored version; may be changed. */
  readonly draft: Obj;
  readonly subresource: string;
  /** The managed fields are done already (server-side apply). */
  readonly tracked?: boolean;
  /** A subresource with rules of its own: takes the draft as it is. */
  readonly trusted?: boolean;
}

/** Everything between a changed object and the store. Throws {@link StaleWriteError} when `old` is no longer the stored one. */
export async function updateObject(
  core: Core,
  request: ApiRequest,
  target: Target,
  change: Change,
  options: WriteOptions,
): Promise<Obj> {
  const { served } = target;
  const { kind, version } = served;
  const { old, subresource } = change;
  let { draft } = change;
  const hasStatus = kind.custom ? version.status === true : kind.status;
  const context = strategyContext(core, { user: request.user, subresource });
  const now = timestamp();
  const name = old.metadata.name ?? "";

  checkPlace(draft, target);
  const { managedFields } = draft.metadata;
  const settle = () => {
    if (!change.trusted) {
      keepSystemFields(draft, old, kind, hasStatus, subresource);
      if (subresource === "") kind.defaults?.(draft);
      kind.prepareUpdate?.(draft, old, context);
    }
    if (managedFields) draft.metadata.managedFields = managedFields;
    else delete draft.metadata.managedFields;
    draft.metadata.resourceVersion = old.metadata.resourceVersion ?? "";
  };
  settle();
  const admission = { core, request, target, operation: "UPDATE" as const, options };
  const changed = await callWebhooks({ ...admission, phase: "mutating", object: draft, old });
  if (changed !== draft) {
    draft = changed;
    checkPlace(draft, target);
    settle();
  }
  if (kind.generation && !isDeepStrictEqual(counted(draft), counted(old)))
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1;

  const errors = [...validateMeta(draft, kind.nameRule), ...finalizerErrors(draft, old)];
  if (subresource === "") {
    errors.push(...(kind.validateUpdate?.(draft, old, context) ?? []));
    // Pods have rules for updates only; other kinds must be right as a whole.
    if (kind.kind !== "Pod") errors.push(...(kind.validate?.(draft, context) ?? []));
  }
  if (errors.length > 0) throw invalid(version.group, kind.kind, name, errors);
  checkSchema(draft, served, old);
  await callWebhooks({ ...admission, phase: "validating", object: draft, old });

  const resource = storageKey(kind);
  const refused = subresource === "" ? (kind.allocate?.(draft, old, context) ?? []) : [];
  if (refused.length > 0) throw invalid(version.group, kind.kind, name, refused);
  if (!change.tracked)
    draft = trackUpdate({
      before: old as KubeObject,
      after: draft as KubeObject,
      manager: options.manager,
      operation: "Update",
      schema: storedSchemaOf(served),
      now,
      ...(subresource ? { subresource } : {}),
    }) as Obj;
  const expected = old.metadata.resourceVersion ?? "";
  if (options.dryRun) return draft;
  if (mayGo(kind, draft)) return core.store.remove(resource, draft, expected);
  // A write that changes nothing is no write: no new revision, no event.
  if (isDeepStrictEqual(withoutTimes(draft), withoutTimes(old))) {
    if (core.store.get(resource, target.namespace, name) === old) return old;
    throw new StaleWriteError(`${resource} ${name}`);
  }
  return core.store.update(resource, draft, expected);
}

/** Refuses a write that names a state which is no longer the stored one. */
export function checkPreconditions(draft: Obj, old: Obj, target: Target): void {
  const { kind, version } = target.served;
  const named = { group: version.group, plural: kind.plural };
  const name = old.metadata.name ?? "";
  const { resourceVersion, uid } = draft.metadata;
  if (!resourceVersion || resourceVersion === "0") {
    if (!kind.unconditionalUpdate)
      throw invalid(version.group, kind.kind, name, [
        fieldError.invalid("metadata.resourceVersion", 0, "must be specified for an update"),
      ]);
  } else if (resourceVersion !== old.metadata.resourceVersion) throw conflict(named, name, modifiedMeanwhile);
  if (uid && uid !== old.metadata.uid)
    throw conflict(
      named,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
}

/** How often a write without a precondition is tried again when another one came in between. */
export const attempts = 5;

/** PUT on an object or on its status. */
export async function replace(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { served, subresource } = target;
  const options = writeOptions(request);
  const document = await readDocument(request);
  if (document === undefined) throw badRequest("the body is empty: a PUT needs the whole object");
  for (let attempt = 1; ; attempt++) {
    const old = readObject(core, target);
    const draft = decodeObject(copyOf(document), served, {
      ...options,
      warnings: attempt === 1 ? options.warnings : [],
    });
    checkPreconditions(draft, old, target);
    const conditional = Boolean(draft.metadata.resourceVersion);
    try {
      const updated = await updateObject(core, request, target, { old, draft, subresource }, options);
      return objectAnswer(request, served, updated, 200, options.warnings);
    } catch (error) {
      if (!(error instanceof StaleWriteError)) throw error;
      if (conditional || attempt >= attempts)
        throw conflict({ group: served.version.group, plural: served.kind.plural }, target.name, modifiedMeanwhile);
    }
  }
}
