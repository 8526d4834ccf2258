import { referenceOf } from "./definitions.ts";
import type { JSONSchema } from "./json-schema.ts";

/**
 * Why Go's decoder could not read `value` as the built-in kind that `schema` describes, in its words; undefined when it could.
 * `required` and the like are not its business. The first wrong field is reported.
 */
export function decodeError(value: unknown, schema: JSONSchema): string | undefined {
  return visit(value, schema, "", []);
}

/** `struct` is the innermost named type around the value; `path` has no list indexes, as in Go. */
function visit(value: unknown, schema: JSONSchema, struct: string, path: readonly string[]): string | undefined {
  // Null is the same as leaving the field out.
  if (value === null || value === undefined) return undefined;
  if (schema["x-kubernetes-int-or-string"] || schema.oneOf)
    return typeof value === "string" || typeof value === "number" ? undefined : mismatch(value, schema, struct, path);
  switch (schema.type) {
    case "object":
      return isObject(value) ? visitFields(value, schema, struct, path) : mismatch(value, schema, struct, path);
    case "array": {
      if (!Array.isArray(value)) return mismatch(value, schema, struct, path);
      const { items } = schema;
      if (items) return first(value, (item) => visit(item, items, struct, path));
      return undefined;
    }
    case "string":
      if (typeof value !== "string") return mismatch(value, schema, struct, path);
      return schema.format === "date-time" ? timeError(value) : undefined;
    case "boolean":
      return typeof value === "boolean" ? undefined : mismatch(value, schema, struct, path);
    case "number":
      return typeof value === "number" ? undefined : mismatch(value, schema, struct, path);
    case "integer":
      return isInteger(value, schema) ? undefined : mismatch(value, schema, struct, path);
    default:
      return undefined;
  }
}

function visitFields(
  value: Readonly<Record<string, unknown>>,
  schema: JSONSchema,
  struct: string,
  path: readonly string[],
): string | undefined {
  const name = nameOf(schema) ?? struct;
  const rest = schema.additionalProperties;
  return first(Object.keys(value), (field) => {
    const own = schema.properties && Object.hasOwn(schema.properties, field) ? schema.properties[field] : undefined;
    const inner = own ?? (typeof rest === "object" ? rest : undefined);
    return inner && visit(value[field], inner, name, own ? [...path, field] : path);
  });
}

function first<T>(list: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of list) {
    const error = check(item);
    if (error !== undefined) return error;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, { format }: JSONSchema): boolean {
  if (typeof value !== "number" || !Number.isInteger(value)) return false;
  return format !== "int32" || (value >= -(2 ** 31) && value < 2 ** 31);
}

function nameOf(schema: JSONSchema): string | undefined {
  return referenceOf(schema)?.name.split(".").at(-1);
}

function mismatch(value: unknown, schema: JSONSchema, struct: string, path: readonly string[]): string {
  const into = path.length > 0 ? `Go struct field ${struct}.${path.join(".")}` : "Go value";
  return `json: cannot unmarshal ${valueName(value, schema)} into ${into} of type ${goType(schema)}`;
}

function valueName(value: unknown, schema: JSONSchema): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // A number of the wrong kind is shown, one in the wrong place is not.
  if (typeof value === "number" && schema.type === "integer") return `number ${value}`;
  return typeof value;
}

function goType(schema: JSONSchema): string {
  const name = referenceOf(schema)?.name;
  if (name) {
    const [type = "", version = ""] = name.split(".").reverse();
    return `${version}.${type}`;
  }
  if (schema["x-kubernetes-int-or-string"]) return "intstr.IntOrString";
  if (schema.type === "array") return `[]${goType(schema.items ?? {})}`;
  if (schema.type === "object")
    return `map[string]${goType(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {})}`;
  if (schema.type === "integer") return schema.format ?? "int64";
  if (schema.type === "boolean") return "bool";
  return schema.type === "number" ? "float64" : (schema.type ?? "interface {}");
}

function timeError(text: string): string | undefined {
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([.,]\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const layout = "2006-01-02T15:04:05Z07:00";
  return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse it`;
}
