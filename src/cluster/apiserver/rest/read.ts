import { ApiError, badRequest, expired, notFound } from "../api-error.ts";
import type { Core } from "../core.ts";
import { storageKey } from "../kinds/kind.ts";
import type { Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { encodeList, encodeObject, includeObjectOf, type ListMeta } from "./encode.ts";
import { viewOf } from "./negotiate.ts";
import { type ApiRequest, type ApiResponse, textResponse } from "./request.ts";
import { selectionOf } from "./selection.ts";

/** What a handler for one resource is given. */
export interface Target {
  readonly served: Served;
  /** Empty for cluster-scoped kinds and for requests over all namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

export function readObject(core: Core, { served, namespace, name }: Target): Obj {
  const object = core.store.get(storageKey(served.kind), namespace, name);
  if (!object) throw notFound({ group: served.version.group, plural: served.kind.plural }, name);
  return object;
}

export function get(core: Core, request: ApiRequest, target: Target): ApiResponse {
  const form = { view: viewOf(request), includeObject: includeObjectOf(request.query) };
  return textResponse(encodeObject(readObject(core, target), target.served, form), 200, "application/json");
}

interface Continue {
  readonly rv: number;
  /** `namespace/name` of the last object given. */
  readonly after: string;
}

function parseContinue(token: string): Continue {
  try {
    const parsed = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as Partial<Continue>;
    if (typeof parsed.rv === "number" && typeof parsed.after === "string")
      return { rv: parsed.rv, after: parsed.after };
  } catch {
    // Falls through to the answer for every token that isn't ours.
  }
  throw badRequest("continue key is not valid: it is not a token that this server gave");
}

/** A resourceVersion in a query: undefined when absent. Throws a 400 when it isn't a number. */
export function revisionOf(query: URLSearchParams): number | undefined {
  const text = query.get("resourceVersion") ?? "";
  if (text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`Invalid value for resourceVersion: ${JSON.stringify(text)}`);
  return Number(text);
}

const keyOf = (object: Obj): string => `${object.metadata.namespace ?? ""}/${object.metadata.name ?? ""}`;

export function list(core: Core, request: ApiRequest, { served, namespace }: Target): ApiResponse {
  const { query } = request;
  const { kind } = served;
  const form = { view: viewOf(request), includeObject: includeObjectOf(query) };
  const selected = selectionOf(kind, query);
  const limit = Number(query.get("limit") ?? "0");
  if (!Number.isInteger(limit) || limit < 0)
    throw badRequest(`limit: ${JSON.stringify(query.get("limit"))} is not a count`);
  const within = kind.namespaced && namespace !== "" ? namespace : undefined;
  const asked = revisionOf(query);
  const match = query.get("resourceVersionMatch");
  if (asked !== undefined && asked > core.store.revision)
    throw new ApiError(504, "Timeout", `Too large resource version: ${asked}, current: ${core.store.revision}`, {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    });

  const token = query.get("continue");
  let from: Continue | undefined = token ? parseContinue(token) : undefined;
  if (!from && match === "Exact" && asked) from = { rv: asked, after: "" };
  const revision = from?.rv ?? core.store.revision;
  let objects: readonly Obj[];
  if (from && from.rv !== core.store.revision) {
    const then = core.store.listAt(storageKey(kind), within, from.rv);
    if (!then)
      throw expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
      );
    objects = then;
  } else objects = core.store.list(storageKey(kind), within);
  const after = from?.after ?? "";
  let matching = objects.filter((object) => (after === "" || keyOf(object) > after) && selected(object));

  let metadata: ListMeta = { resourceVersion: String(revision) };
  if (limit > 0 && matching.length > limit) {
    const remaining = matching.length - limit;
    matching = matching.slice(0, limit);
    const last = matching.at(-1);
    metadata = {
      ...metadata,
      continue: Buffer.from(JSON.stringify({ rv: revision, after: last ? keyOf(last) : "" })).toString("base64url"),
      // Kubernetes leaves the count out for selected lists.
      ...(query.get("labelSelector") || query.get("fieldSelector") ? {} : { remainingItemCount: remaining }),
    };
  }
  return textResponse(encodeList(matching, served, form, metadata), 200, "application/json");
}
