import { badRequest, conflict, fieldError, invalid, methodNotAllowed, modifiedMeanwhile } from "../api-error.ts";
import type { Core } from "../core.ts";
import { selectorText } from "../kinds/columns.ts";
import type { ScalePaths } from "../kinds/kind.ts";
import { at, copyOf, type Fields, isFields, type Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { StaleWriteError } from "../storage/store.ts";
import { inVersion } from "./encode.ts";
import { patched, patchTypeOf } from "./patch.ts";
import { readObject, type Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, jsonResponse, readDocument } from "./request.ts";
import { attempts, updateObject } from "./update.ts";
import { writeOptions } from "./write-options.ts";

function scalePathsOf({ kind, version }: Served): ScalePaths | undefined {
  return kind.custom ? version.scale : kind.scale;
}

function scaleOf(object: Obj, paths: ScalePaths): Fields {
  const selector = paths.selector === undefined ? undefined : at(object, paths.selector);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const plainSelector = isFields(selector) && !("matchLabels" in selector) && !("matchExpressions" in selector);
  const text = isFields(selector) ? selectorText(plainSelector ? { matchLabels: selector } : selector) : selector;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object, paths.specReplicas) ?? 0 },
    status: {
      replicas: at(object, paths.statusReplicas) ?? 0,
      ...(typeof text === "string" ? { selector: text } : {}),
    },
  };
}

function put(object: Obj, path: string, value: unknown): void {
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  let into: Fields = object;
  for (const step of steps) {
    if (!isFields(into[step])) into[step] = {};
    into = into[step] as Fields;
  }
  into[last] = value;
}

/** GET, PUT and PATCH of `/scale`. */
export async function scale(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { served } = target;
  const paths = scalePathsOf(served);
  if (!paths) throw methodNotAllowed();
  if (request.method === "GET") return jsonResponse(scaleOf(inVersion(readObject(core, target), served), paths));
  if (request.method !== "PUT" && request.method !== "PATCH") throw methodNotAllowed();
  const type = request.method === "PATCH" ? patchTypeOf(request, served) : undefined;
  const options = writeOptions(request);
  const document = await readDocument(request);
  for (let attempt = 1; ; attempt++) {
    const old = readObject(core, target);
    const before = scaleOf(inVersion(old, served), paths);
    const wanted = type ? patched(copyOf(before), type === "apply" ? "merge" : type, document, served) : document;
    const replicas = at(wanted, "spec.replicas") ?? 0;
    if (!isFields(wanted)) throw badRequest("the body must be a Scale");
    if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0)
      throw invalid("autoscaling", "Scale", target.name, [
        fieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
      ]);
    const version = at(wanted, "metadata.resourceVersion");
    const named = { group: served.version.group, plural: served.kind.plural };
    if (typeof version === "string" && version !== "" && version !== old.metadata.resourceVersion)
      throw conflict(named, target.name, modifiedMeanwhile);
    const draft = copyOf(old);
    put(draft, paths.specReplicas, replicas);
    try {
      const change = { old, draft, subresource: "scale", trusted: true };
      const updated = await updateObject(core, request, { ...target, subresource: "scale" }, change, options);
      return jsonResponse(scaleOf(inVersion(updated, served), paths));
    } catch (error) {
      if (!(error instanceof StaleWriteError)) throw error;
      if (attempt >= attempts) throw conflict(named, target.name, modifiedMeanwhile);
    }
  }
}
