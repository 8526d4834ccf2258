import { randomUUID } from "node:crypto";
import type { KubeObject } from "#kube/object.ts";
import { ApiError, alreadyExists, badRequest, invalid } from "../api-error.ts";
import { type Core, strategyContext } from "../core.ts";
import { generatedName } from "../generated-name.ts";
import { storageKey } from "../kinds/kind.ts";
import { copyOf, type Obj, timestamp } from "../object.ts";
import { trackUpdate } from "../patch/apply.ts";
import { admitCreate, checkNamespace } from "../plugins/plugins.ts";
import { StaleWriteError } from "../storage/store.ts";
import { validateMeta } from "../validation-names.ts";
import { callWebhooks } from "./admission.ts";
import { objectAnswer } from "./answer.ts";
import { checkSchema, decodeObject, storedSchemaOf } from "./decode.ts";
import type { Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, readDocument } from "./request.ts";
import { type WriteOptions, writeOptions } from "./write-options.ts";

export function checkPlace(object: Obj, { served, namespace, name }: Target): void {
  const { metadata } = object;
  if (served.kind.namespaced) {
    if (metadata.namespace && metadata.namespace !== namespace)
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    metadata.namespace = namespace;
  } else delete metadata.namespace;
  if (name !== "" && metadata.name && metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  if (name !== "") metadata.name = name;
}

/** Everything between a decoded object and the store. `tracked` says that the managed fields are done already. */
export async function createObject(
  core: Core,
  request: ApiRequest,
  target: Target,
  decoded: Obj,
  options: WriteOptions,
  tracked = false,
): Promise<Obj> {
  const { served, namespace } = target;
  const { kind, version } = served;
  const named = { group: version.group, plural: kind.plural };
  let draft = decoded;
  checkPlace(draft, target);
  const given = draft.metadata;
  if (given.resourceVersion && given.resourceVersion !== "0")
    throw badRequest("resourceVersion should not be set on objects to be created");
  if (kind.namespaced) checkNamespace(core, served, namespace, given.name ?? "");

  kind.defaults?.(draft);
  const { managedFields } = given;
  const system = () => {
    const { metadata } = draft;
    metadata.uid = uid;
    metadata.creationTimestamp = now;
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    delete metadata.resourceVersion;
    delete metadata.selfLink;
    delete metadata.generation;
    delete metadata.managedFields;
    if (kind.generation) metadata.generation = 1;
    if (hasStatus && !kind.statusOnCreate) delete draft["status"];
  };
  const hasStatus = kind.custom ? version.status === true : kind.status;
  const context = strategyContext(core, { user: request.user, subresource: "" });
  const now = timestamp();
  const uid = randomUUID();

  admitCreate(core, served, draft);
  const admission = { core, request, target, operation: "CREATE" as const, options };
  const changed = await callWebhooks({ ...admission, phase: "mutating", object: draft, old: undefined });
  if (changed !== draft) {
    draft = changed;
    checkPlace(draft, { ...target, name: given.name ?? "" });
    kind.defaults?.(draft);
    // As in Kubernetes, what is built in sees what the webhooks made.
    admitCreate(core, served, draft);
  }
  // Webhooks see an object without the name that is made for it.
  const { metadata } = draft;
  if (!metadata.name && metadata.generateName) metadata.name = generatedName(metadata.generateName);
  system();
  kind.prepareCreate?.(draft, context);
  const errors = [...validateMeta(draft, kind.nameRule), ...(kind.validate?.(draft, context) ?? [])];
  if (errors.length > 0) throw invalid(version.group, kind.kind, draft.metadata.name ?? "", errors);
  checkSchema(draft, served, undefined);
  await callWebhooks({ ...admission, phase: "validating", object: draft, old: undefined });

  // Nothing below waits, so what was looked at here still holds when it is written.
  const resource = storageKey(kind);
  if (kind.namespaced) checkNamespace(core, served, namespace, draft.metadata.name ?? "");
  const name = draft.metadata.name ?? "";
  if (core.store.get(resource, namespace, name)) throw alreadyExists(named, name);
  const refused = kind.allocate?.(draft, undefined, context) ?? [];
  if (refused.length > 0) throw invalid(version.group, kind.kind, name, refused);
  if (tracked) {
    if (managedFields) draft.metadata.managedFields = managedFields;
  } else
    draft = trackUpdate({
      before: undefined,
      after: draft as KubeObject,
      manager: options.manager,
      operation: "Update",
      schema: storedSchemaOf(served),
      now,
    }) as Obj;
  if (options.dryRun) return draft;
  try {
    return core.store.create(resource, draft);
  } catch (error) {
    if (error instanceof StaleWriteError) throw alreadyExists(named, name);
    throw error;
  }
}

/** POST on a collection. */
export async function create(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { served } = target;
  if (served.kind.namespaced && target.namespace === "")
    throw new ApiError(405, "MethodNotAllowed", "an object is created within a namespace: use its path", {});
  const options = writeOptions(request);
  const document = await readDocument(request);
  const object = decodeObject(copyOf(document), served, options);
  const created = await createObject(core, request, target, object, options);
  return objectAnswer(request, served, created, 201, options.warnings);
}
