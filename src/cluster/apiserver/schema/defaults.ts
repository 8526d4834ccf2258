import type { JSONSchema } from "./json-schema.ts";

/**
 * The value with the schema's defaults where a field is absent, and without nulls that the schema doesn't allow (Kubernetes
 * drops those, or puts the default in their place). Unchanged parts are shared with `value`.
 */
export function applyDefaults(value: unknown, schema: JSONSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const next = value.map((item) => applyDefaults(item, items));
    return next.some((item, index) => item !== value[index]) ? next : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  let result: Record<string, unknown> | undefined;
  const own = (): Record<string, unknown> => (result ??= { ...fields });
  const rest = schema.additionalProperties;
  for (const [name, inner] of Object.entries(fields)) {
    const field = fieldOf(schema, name) ?? (typeof rest === "object" ? rest : undefined);
    if (!field) continue;
    if (inner === null && !field.nullable && (field.type || field["x-kubernetes-int-or-string"])) {
      delete own()[name];
      continue;
    }
    const next = applyDefaults(inner, field);
    if (next !== inner) own()[name] = next;
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (field.default === undefined || Object.hasOwn(result ?? fields, name)) continue;
    own()[name] = applyDefaults(structuredClone(field.default), field);
  }
  return result ?? value;
}

function fieldOf(schema: JSONSchema, name: string): JSONSchema | undefined {
  return schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
}
