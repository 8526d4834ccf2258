import { type JSONSchema, propertySchema } from "../schema/json-schema.ts";
import { isJsonObject, type JsonObject } from "./json-value.ts";

/** How a value is merged (Kubernetes: "merge strategy" of server-side apply). */
export type Shape = "leaf" | "object" | "map-list" | "set-list";

export function shapeOf(value: unknown, schema: JSONSchema | undefined): Shape {
  if (Array.isArray(value)) {
    const type = schema?.["x-kubernetes-list-type"];
    return type === "map" ? "map-list" : type === "set" ? "set-list" : "leaf";
  }
  return isJsonObject(value) && schema?.["x-kubernetes-map-type"] !== "atomic" ? "object" : "leaf";
}

/**
 * The items of an associative list by path element (`k:{"name":"a"}`, `v:"x"`), in order. Undefined when the list does not
 * keep its own rules (a key is missing or comes twice): such a list is then treated as one value.
 */
export function itemsByElement(
  list: readonly unknown[],
  schema: JSONSchema | undefined,
  shape: Shape,
): Map<string, unknown> | undefined {
  const keys = [...(schema?.["x-kubernetes-list-map-keys"] ?? [])].sort();
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = shape === "set-list" ? `v:${JSON.stringify(item)}` : keyElement(item, keys, schema?.items);
    if (element === undefined || items.has(element)) return undefined;
    items.set(element, item);
  }
  return items;
}

function keyElement(item: unknown, keys: readonly string[], schema: JSONSchema | undefined): string | undefined {
  if (!isJsonObject(item)) return undefined;
  const id: JsonObject = {};
  for (const key of keys) {
    // A key that was left out counts with its default (Kubernetes: ports, whose protocol is TCP).
    const value = Object.hasOwn(item, key) ? item[key] : propertySchema(schema, key)?.default;
    if (value === undefined || value === null) return undefined;
    id[key] = value;
  }
  return `k:${JSON.stringify(id)}`;
}

/** True for a field that the schema names, as opposed to a key of a map. */
export function isNamedField(schema: JSONSchema | undefined, name: string): boolean {
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, name);
}
