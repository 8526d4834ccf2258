import type { KubeObject } from "#kube/object.ts";
import { ApiError, badRequest, conflict, fieldError, invalid, modifiedMeanwhile } from "../api-error.ts";
import type { Core } from "../core.ts";
import { storageKey } from "../kinds/kind.ts";
import { copyOf, isFields, type Obj, timestamp } from "../object.ts";
import { serverSideApply } from "../patch/apply.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicMerge } from "../patch/strategic-merge.ts";
import type { Served } from "../registry.ts";
import { StaleWriteError } from "../storage/store.ts";
import { objectAnswer } from "./answer.ts";
import { createObject } from "./create.ts";
import { decodeObject, schemaOf, storedSchemaOf } from "./decode.ts";
import { inVersion } from "./encode.ts";
import { readObject, type Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, mediaType, readDocument } from "./request.ts";
import { attempts, checkPreconditions, updateObject } from "./update.ts";
import { type WriteOptions, writeOptions } from "./write-options.ts";

const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

type PatchType = keyof typeof patchTypes;

export function patchTypeOf(request: ApiRequest, served: Served): PatchType {
  const type = mediaType(request);
  const known = (Object.keys(patchTypes) as PatchType[]).filter((name) => name !== "strategic" || !served.kind.custom);
  const found = known.find((name) => patchTypes[name] === type);
  if (found) return found;
  throw new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${known.map((name) => patchTypes[name]).join(", ")}`,
  );
}

/** `value` with a patch of one of the three non-apply types. */
export function patched(value: unknown, type: PatchType, patch: unknown, served: Served): unknown {
  switch (type) {
    case "json":
      return applyJsonPatch(value, patch);
    case "merge":
      return applyMergePatch(value, patch);
    case "strategic":
      return applyStrategicMerge(value, patch, schemaOf(served));
    case "apply":
      throw badRequest("an apply patch is not a change of a value");
  }
}

/** What goes out to a write of the one kind must not be what another keeps: a private copy in the request's version. */
function current(old: Obj, served: Served): Obj {
  return copyOf(inVersion(old, served));
}

function applied(
  document: unknown,
  old: Obj | undefined,
  target: Target,
  request: ApiRequest,
  options: WriteOptions,
): Obj {
  const { served, subresource, name, namespace } = target;
  if (!isFields(document)) throw badRequest("an apply patch is an object with apiVersion and kind");
  const sent = document["metadata"];
  if (isFields(sent) && Array.isArray(sent["managedFields"]) && sent["managedFields"].length > 0)
    throw badRequest("metadata.managedFields must be nil");
  const wanted = decodeObject(copyOf(document), served, { ...options, fieldValidation: options.fieldValidation });
  const { metadata } = wanted;
  if (metadata.name && metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  metadata.name = name;
  if (served.kind.namespaced) metadata.namespace ??= namespace;
  const { resourceVersion, uid } = metadata;
  delete metadata.resourceVersion;
  delete metadata.uid;
  delete metadata.managedFields;
  delete metadata.creationTimestamp;
  const hasStatus = served.kind.custom ? served.version.status === true : served.kind.status;
  const schema = storedSchemaOf(served);
  const result = serverSideApply({
    live: old as KubeObject | undefined,
    applied: wanted as KubeObject,
    manager: options.manager,
    force: request.query.get("force") === "true" || request.query.get("force") === "1",
    schema,
    now: timestamp(),
    ...(subresource ? { subresource } : {}),
    ...(subresource === "" && hasStatus ? { ignore: ["status"] } : {}),
  });
  const draft = copyOf(result) as Obj;
  if (old) draft.metadata.resourceVersion = resourceVersion ?? old.metadata.resourceVersion ?? "";
  if (old && uid) draft.metadata.uid = uid;
  return draft;
}

/** Defaults filled in by the schema only where somebody wrote the custom resource; the result is checked as a whole. */
function decodePatched(value: unknown, old: Obj, served: Served, options: WriteOptions): Obj {
  if (!isFields(value)) throw badRequest("the patch does not leave an object");
  const metadata = isFields(value["metadata"]) ? value["metadata"] : {};
  const before = old.metadata;
  const changedName = metadata["name"] !== before.name;
  if (changedName)
    throw invalid(served.version.group, served.kind.kind, before.name ?? "", [
      fieldError.invalid("metadata.name", metadata["name"], "field is immutable"),
    ]);
  return decodeObject(value, served, options);
}

/** PATCH of an object or its status. */
export async function patch(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { served, subresource, namespace, name } = target;
  const type = patchTypeOf(request, served);
  if (type === "apply" && !request.query.get("fieldManager"))
    throw invalid("meta.k8s.io", "PatchOptions", "", [
      fieldError.required("fieldManager", "is required for apply patch"),
    ]);
  if (type !== "apply" && request.query.get("force"))
    throw invalid("meta.k8s.io", "PatchOptions", "", [
      fieldError.forbidden("force", "may not be specified for non-apply patch"),
    ]);
  const options = writeOptions(request);
  const document = await readDocument(request);
  if (document === undefined) throw badRequest("the body is empty: a PATCH needs a patch");
  for (let attempt = 1; ; attempt++) {
    const once = { ...options, warnings: attempt === 1 ? options.warnings : [] };
    if (type === "apply" && subresource === "" && !core.store.get(storageKey(served.kind), namespace, name)) {
      const draft = applied(document, undefined, target, request, once);
      const created = await createObject(core, request, target, draft, options, true);
      return objectAnswer(request, served, created, 201, options.warnings);
    }
    const old = readObject(core, target);
    const draft =
      type === "apply"
        ? applied(document, old, target, request, once)
        : decodePatched(patched(current(old, served), type, document, served), old, served, once);
    // A patch carries the stored version along, so this fails only where the patch names another one.
    checkPreconditions(draft, old, target);
    try {
      const change = { old, draft, subresource, tracked: type === "apply" };
      const updated = await updateObject(core, request, target, change, options);
      return objectAnswer(request, served, updated, 200, options.warnings);
    } catch (error) {
      if (!(error instanceof StaleWriteError)) throw error;
      if (attempt >= attempts)
        throw conflict({ group: served.version.group, plural: served.kind.plural }, name, modifiedMeanwhile);
    }
  }
}
