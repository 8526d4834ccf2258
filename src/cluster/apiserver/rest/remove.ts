import { ApiError, badRequest, conflict, fieldError, forbidden, invalid, modifiedMeanwhile } from "../api-error.ts";
import type { Core } from "../core.ts";
import { storageKey } from "../kinds/kind.ts";
import { copyOf, type Fields, isFields, type Obj, timestamp } from "../object.ts";
import { StaleWriteError } from "../storage/store.ts";
import { callWebhooks } from "./admission.ts";
import { encodeList, encodeObject, includeObjectOf } from "./encode.ts";
import { viewOf } from "./negotiate.ts";
import { readObject, type Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, jsonResponse, readDocument, textResponse } from "./request.ts";
import { selectionOf } from "./selection.ts";
import { attempts, mayGo } from "./update.ts";
import { isDryRun, type WriteOptions } from "./write-options.ts";

interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly propagation: "Foreground" | "Background" | "Orphan" | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly dryRun: boolean;
}

const propagations = ["Background", "Foreground", "Orphan"];

async function readDeleteOptions(request: ApiRequest): Promise<DeleteOptions> {
  const { query } = request;
  const document = (await readDocument(request)) ?? {};
  if (!isFields(document)) throw badRequest("the body must be DeleteOptions");
  const grace =
    document["gracePeriodSeconds"] ??
    (query.has("gracePeriodSeconds") ? Number(query.get("gracePeriodSeconds")) : undefined);
  if (grace !== undefined && grace !== null && (typeof grace !== "number" || !Number.isInteger(grace)))
    throw badRequest(`gracePeriodSeconds: ${JSON.stringify(grace)} is not a whole number of seconds`);
  const orphan = document["orphanDependents"];
  const propagation =
    document["propagationPolicy"] ?? query.get("propagationPolicy") ?? (orphan === true ? "Orphan" : undefined);
  if (propagation !== undefined && propagation !== null && !propagations.includes(propagation as string))
    throw invalid("meta.k8s.io", "DeleteOptions", "", [
      fieldError.unsupported("propagationPolicy", propagation, propagations),
    ]);
  const preconditions = isFields(document["preconditions"]) ? document["preconditions"] : {};
  const dryRun = document["dryRun"] ?? query.getAll("dryRun").filter((value) => value !== "");
  return {
    gracePeriodSeconds: typeof grace === "number" ? grace : undefined,
    propagation: (propagation ?? undefined) as DeleteOptions["propagation"],
    uid: typeof preconditions["uid"] === "string" ? preconditions["uid"] : undefined,
    resourceVersion:
      typeof preconditions["resourceVersion"] === "string" ? preconditions["resourceVersion"] : undefined,
    dryRun: isDryRun(Array.isArray(dryRun) ? (dryRun as string[]) : []),
  };
}

const gcFinalizers = { Foreground: "foregroundDeletion", Orphan: "orphan" } as const;

function withPropagation(finalizers: readonly string[], propagation: DeleteOptions["propagation"]): string[] {
  if (propagation === undefined) return [...finalizers];
  const own: readonly string[] = Object.values(gcFinalizers);
  const rest = finalizers.filter((finalizer) => !own.includes(finalizer));
  return propagation === "Background" ? rest : [...rest, gcFinalizers[propagation]];
}

const keptNamespaces = new Set(["default", "kube-system", "kube-public", "kube-node-lease"]);

/** Deletes, or marks as being deleted; `gone` says which. */
async function removeObject(
  core: Core,
  request: ApiRequest,
  target: Target,
  options: DeleteOptions,
): Promise<{ object: Obj; gone: boolean }> {
  const { served, name } = target;
  const { kind, version } = served;
  const named = { group: version.group, plural: kind.plural };
  if (kind.kind === "Namespace" && keptNamespaces.has(name))
    throw forbidden(named, name, "this namespace may not be deleted");
  const resource = storageKey(kind);
  let admitted = false;
  for (let attempt = 1; ; attempt++) {
    const old = readObject(core, target);
    const { metadata } = old;
    if (options.uid !== undefined && options.uid !== metadata.uid)
      throw conflict(
        named,
        name,
        `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${metadata.uid}`,
      );
    if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion)
      throw conflict(
        named,
        name,
        `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
      );
    if (!admitted) {
      const write: WriteOptions = { dryRun: options.dryRun, fieldValidation: "Ignore", manager: "", warnings: [] };
      const call = { core, request, target, operation: "DELETE" as const, options: write, object: undefined, old };
      await callWebhooks({ ...call, phase: "mutating" });
      await callWebhooks({ ...call, phase: "validating" });
      admitted = true;
      if (core.store.get(resource, target.namespace, name) !== old) continue;
    }
    const expected = metadata.resourceVersion ?? "";
    const draft = copyOf(old);
    const finalizers = withPropagation(metadata.finalizers ?? [], options.propagation);
    if (finalizers.length > 0) draft.metadata.finalizers = finalizers;
    else delete draft.metadata.finalizers;

    const asked = options.gracePeriodSeconds;
    let grace = kind.grace?.(old, asked) ?? 0;
    const pending = metadata.deletionTimestamp !== undefined;
    if (pending) {
      const left = metadata.deletionGracePeriodSeconds ?? 0;
      // A second deletion can only shorten the grace; without a wish of its own it changes nothing.
      grace = kind.grace && asked !== undefined ? Math.min(left, grace) : left;
    }
    const started = pending
      ? Date.parse(metadata.deletionTimestamp ?? "") - (metadata.deletionGracePeriodSeconds ?? 0) * 1000
      : Date.now();
    draft.metadata.deletionTimestamp = timestamp(new Date(started + grace * 1000));
    draft.metadata.deletionGracePeriodSeconds = grace;
    if (!pending) {
      if (kind.generation && draft.metadata.generation !== undefined) draft.metadata.generation++;
      kind.markDeleting?.(draft);
    }
    try {
      if (mayGo(kind, draft)) {
        if (options.dryRun) return { object: old, gone: true };
        const { deletionTimestamp: _t, deletionGracePeriodSeconds: _g, ...plain } = draft.metadata;
        // Who was never waiting is not shown as waiting.
        const last = pending || kind.grace ? draft : { ...draft, metadata: plain };
        return { object: core.store.remove(resource, last, expected), gone: true };
      }
      const same =
        pending &&
        grace === metadata.deletionGracePeriodSeconds &&
        finalizers.length === (metadata.finalizers?.length ?? 0);
      if (same || options.dryRun) return { object: same ? old : draft, gone: false };
      return { object: core.store.update(resource, draft, expected), gone: false };
    } catch (error) {
      if (!(error instanceof StaleWriteError)) throw error;
      if (attempt >= attempts) throw conflict(named, name, modifiedMeanwhile);
    }
  }
}

/** DELETE of one object: a Status when it is gone, the object while it has to wait. */
export async function remove(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { served, name } = target;
  const { object, gone } = await removeObject(core, request, target, await readDeleteOptions(request));
  const form = { view: viewOf(request), includeObject: includeObjectOf(request.query) };
  if (!gone || served.kind.grace) return textResponse(encodeObject(object, served, form), 200, "application/json");
  const details: Fields = { name, kind: served.kind.plural, uid: object.metadata.uid };
  if (served.version.group) details["group"] = served.version.group;
  return jsonResponse({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details });
}

/** DELETE of a collection: every selected object, as if deleted one by one. */
export async function removeCollection(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { served, namespace } = target;
  const { kind } = served;
  if (kind.kind === "Namespace" || (kind.namespaced && namespace === ""))
    throw new ApiError(405, "MethodNotAllowed", "a collection can be deleted in one namespace only", {});
  const options = await readDeleteOptions(request);
  const selected = selectionOf(kind, request.query);
  const objects = core.store.list(storageKey(kind), kind.namespaced ? namespace : undefined).filter(selected);
  const removed: Obj[] = [];
  for (const object of objects) {
    try {
      const one = { ...target, name: object.metadata.name ?? "" };
      removed.push((await removeObject(core, request, one, options)).object);
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof ApiError && error.status.reason === "NotFound")) throw error;
    }
  }
  const form = { view: viewOf(request), includeObject: includeObjectOf(request.query) };
  const metadata = { resourceVersion: String(core.store.revision) };
  return textResponse(encodeList(removed, served, form, metadata), 200, "application/json");
}
