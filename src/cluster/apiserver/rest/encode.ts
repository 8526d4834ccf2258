import { badRequest } from "../api-error.ts";
import { defaultTable } from "../kinds/columns.ts";
import type { TableColumns } from "../kinds/kind.ts";
import type { Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { jsonOf } from "../storage/store.ts";
import type { View } from "./negotiate.ts";

/** What rows of a table carry besides their cells. */
export type IncludeObject = "None" | "Metadata" | "Object";

export interface Form {
  readonly view: View;
  readonly includeObject: IncludeObject;
}

export function apiVersionOf({ version }: Served): string {
  return version.group === "" ? version.version : `${version.group}/${version.version}`;
}

/** A stored object in the version that was asked for. */
export function inVersion(object: Obj, { version }: Served): Obj {
  return version.fromStored ? version.fromStored(object) : object;
}

const texts = new WeakMap<Obj, Map<string, string>>();

/** JSON of a stored (so never changing) object; made once for each version and view. */
function textOf(object: Obj, served: Served, view: View): string {
  if (
    view !== "metadata" &&
    (!served.version.fromStored || object.apiVersion === apiVersionOf(served)) &&
    Object.isFrozen(object)
  )
    return jsonOf(object);
  const key = `${apiVersionOf(served)} ${view}`;
  let known = texts.get(object);
  if (!known) {
    known = new Map();
    texts.set(object, known);
  }
  let text = known.get(key);
  if (text === undefined) {
    text = JSON.stringify(view === "metadata" ? metadataOnly(object) : inVersion(object, served));
    known.set(key, text);
  }
  return text;
}

function metadataOnly(object: Obj): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

function row(object: Obj, served: Served, { includeObject }: Form): string {
  const { cells } = tableOf(served);
  const shown =
    includeObject === "None"
      ? ""
      : `,"object":${textOf(object, served, includeObject === "Object" ? "object" : "metadata")}`;
  // Columns read the stored form, except a custom resource's, which name fields of their own version.
  return `{"cells":${JSON.stringify(cells(served.kind.custom ? inVersion(object, served) : object))}${shown}}`;
}

function tableOf({ version, kind }: Served): TableColumns {
  return version.table ?? kind.table ?? defaultTable;
}

function columnsText(served: Served): string {
  return JSON.stringify(
    tableOf(served).columns.map(({ name, type, format = "", description = "", priority = 0 }) => ({
      name,
      type,
      format,
      description,
      priority,
    })),
  );
}

function table(rows: readonly string[], metadata: object, columns: string): string {
  return `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":${JSON.stringify(metadata)},"columnDefinitions":${columns},"rows":[${rows.join(",")}]}`;
}

/** The answer to anything that concerns one object. */
export function encodeObject(object: Obj, served: Served, form: Form): string {
  if (form.view === "table")
    return table(
      [row(object, served, form)],
      { resourceVersion: object.metadata.resourceVersion },
      columnsText(served),
    );
  return textOf(object, served, form.view);
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function encodeList(objects: readonly Obj[], served: Served, form: Form, metadata: ListMeta): string {
  if (form.view === "table")
    return table(
      objects.map((object) => row(object, served, form)),
      metadata,
      columnsText(served),
    );
  const [kind, apiVersion] =
    form.view === "metadata"
      ? ["PartialObjectMetadataList", "meta.k8s.io/v1"]
      : [`${served.kind.kind}List`, apiVersionOf(served)];
  const items = objects.map((object) => textOf(object, served, form.view));
  return `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[${items.join(",")}]}`;
}

/** One line of a watch. Only the first table of a watch says its columns. */
export function encodeEvent(type: string, object: Obj, served: Served, form: Form, first: boolean): string {
  const text =
    form.view === "table"
      ? table(
          [row(object, served, form)],
          { resourceVersion: object.metadata.resourceVersion },
          first ? columnsText(served) : "[]",
        )
      : textOf(object, served, form.view);
  return `{"type":"${type}","object":${text}}\n`;
}

/** A bookmark: nothing happened up to `revision`. */
export function encodeBookmark(revision: number, served: Served, form: Form, endOfInitial: boolean): string {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(endOfInitial ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
  };
  if (form.view === "table") {
    const object = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
    return `{"type":"BOOKMARK","object":${table(
      [JSON.stringify({ cells: tableOf(served).columns.map(() => ""), object })],
      { resourceVersion: String(revision) },
      columnsText(served),
    )}}\n`;
  }
  const [kind, apiVersion] =
    form.view === "metadata" ? ["PartialObjectMetadata", "meta.k8s.io/v1"] : [served.kind.kind, apiVersionOf(served)];
  return `${JSON.stringify({ type: "BOOKMARK", object: { kind, apiVersion, metadata } })}\n`;
}

export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "Metadata";
  if (value === "None" || value === "Metadata" || value === "Object") return value;
  throw badRequest(`includeObject: ${JSON.stringify(value)} is not one of None, Metadata, Object`);
}
