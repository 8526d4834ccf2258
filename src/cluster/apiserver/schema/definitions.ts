import { readFileSync } from "node:fs";
import type { GroupVersionKind, JSONSchema, JSONType } from "./json-schema.ts";

/*
 * definitions.txt, one line each:
 *   = NAME [type=TYPE] [MARK…] [kind=GROUP/VERSION/KIND…]   begins a definition
 *   FIELD[!] TYPE [MARK…]                                   a field of it; `!` means required
 * TYPE is a JSON type with an optional `:format`, `any`, a NAME, `[TYPE]` (list) or `{TYPE}` (map).
 * MARK is `atomic`, `set`, `map=KEY,KEY` (list types), `atomic-map`, `key=` and `patch=` (strategic merge),
 * `default=` (of a string).
 */

interface Entry {
  readonly head: readonly string[];
  readonly fields: readonly string[];
}

interface Reference {
  readonly name: string;
  /** What the field says beyond its type: list type, merge key … */
  readonly marks: JSONSchema;
}

interface Definitions {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly byKind: ReadonlyMap<string, string>;
}

let loaded: Definitions | undefined;
const resolved = new Map<string, JSONSchema>();
const references = new WeakMap<JSONSchema, Reference>();

function load(): Definitions {
  if (loaded) return loaded;
  const text = readFileSync(new URL("./definitions.txt", import.meta.url), "utf8")
    .replaceAll("~m.", "io.k8s.apimachinery.pkg.apis.meta.v1.")
    .replaceAll("~", "io.k8s.api.");
  const entries = new Map<string, Entry>();
  const byKind = new Map<string, string>();
  for (const block of text.split("\n= ").slice(1)) {
    const [head = "", ...fields] = block.trimEnd().split("\n");
    const [name = "", ...marks] = head.split(" ");
    entries.set(name, { head: marks, fields });
    for (const mark of marks) if (mark.startsWith("kind=")) byKind.set(mark.slice(5), name);
  }
  loaded = { entries, byKind };
  return loaded;
}

/** Types that Go code encodes by hand, so the swagger says too little about them. */
const special: Readonly<Record<string, JSONSchema>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": { oneOf: [{ type: "string" }, { type: "number" }] },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
    format: "int-or-string",
    "x-kubernetes-int-or-string": true,
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
  "io.k8s.apimachinery.pkg.runtime.RawExtension": { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": { type: "object", "x-kubernetes-preserve-unknown-fields": true },
};

const anything: JSONSchema = { "x-kubernetes-preserve-unknown-fields": true };

function parseType(text: string): JSONSchema {
  if (text.startsWith("[")) return { type: "array", items: parseType(text.slice(1, -1)) };
  if (text.startsWith("{")) return { type: "object", additionalProperties: parseType(text.slice(1, -1)) };
  if (text === "any") return anything;
  if (text.includes(".")) return definition(text) ?? anything;
  const [type = "", format] = text.split(":");
  return { type: type as JSONType, ...(format ? { format } : {}) };
}

function parseMarks(marks: readonly string[]): JSONSchema {
  const parsed: Record<string, unknown> = {};
  for (const mark of marks) {
    const [name = "", value = ""] = mark.split("=");
    if (name === "atomic" || name === "set") parsed["x-kubernetes-list-type"] = name;
    else if (name === "map") {
      parsed["x-kubernetes-list-type"] = "map";
      parsed["x-kubernetes-list-map-keys"] = value.split(",");
    } else if (name === "atomic-map") parsed["x-kubernetes-map-type"] = "atomic";
    else if (name === "key") parsed["x-kubernetes-patch-merge-key"] = value;
    else if (name === "default") parsed["default"] = value;
    else if (name === "patch") parsed["x-kubernetes-patch-strategy"] = value;
  }
  return parsed;
}

function fieldSchema(type: string, marks: readonly string[]): JSONSchema {
  const base = parseType(type);
  const target = references.get(base);
  // Bytes are a list in Go, a string in JSON.
  const parsed = parseMarks(base.type === "string" ? marks.filter((mark) => mark.startsWith("default=")) : marks);
  if (Object.keys(parsed).length === 0) return base;
  const schema = { ...base, ...parsed };
  if (target) references.set(schema, { name: target.name, marks: parsed });
  return schema;
}

/** A definition by its name in Kubernetes' swagger, for example `io.k8s.api.core.v1.Pod`. */
export function definition(name: string): JSONSchema | undefined {
  const known = resolved.get(name);
  if (known) return known;
  const entry = load().entries.get(name);
  if (!entry) return undefined;
  const schema: Record<string, unknown> = {};
  // Registered before it is filled: JSONSchemaProps contains itself.
  resolved.set(name, schema);
  references.set(schema, { name, marks: {} });
  const type = entry.head.find((mark) => mark.startsWith("type="))?.slice(5);
  if (type) Object.assign(schema, special[name] ?? parseType(type));
  else {
    const properties: Record<string, JSONSchema> = {};
    const required: string[] = [];
    for (const line of entry.fields) {
      const [field = "", fieldType = "", ...marks] = line.split(" ");
      const fieldName = field.endsWith("!") ? field.slice(0, -1) : field;
      if (fieldName !== field) required.push(fieldName);
      properties[fieldName] = fieldSchema(fieldType, marks);
    }
    Object.assign(schema, { type: "object", properties }, required.length > 0 ? { required } : {});
  }
  Object.assign(schema, parseMarks(entry.head));
  const kinds = entry.head.filter((mark) => mark.startsWith("kind=")).map((mark) => parseKind(mark.slice(5)));
  if (kinds.length > 0) schema["x-kubernetes-group-version-kind"] = kinds;
  return schema;
}

function parseKind(text: string): GroupVersionKind {
  const [group = "", version = "", kind = ""] = text.split("/");
  return { group, version, kind };
}

/** The name of the definition that describes a built-in kind. */
export function definitionOfKind(group: string, version: string, kind: string): string | undefined {
  return load().byKind.get(`${group}/${version}/${kind}`);
}

/** The definition a schema node stands for, and what the place where it is used adds; undefined for a plain node. */
export function referenceOf(schema: JSONSchema): Reference | undefined {
  return references.get(schema);
}
