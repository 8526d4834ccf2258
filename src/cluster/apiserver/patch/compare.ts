import { type JSONSchema, propertySchema } from "../schema/json-schema.ts";
import { type FieldSet, node } from "./field-set.ts";
import { getField, isJsonObject, type JsonObject, jsonEqual } from "./json-value.ts";
import { isNamedField, itemsByElement, type Shape, shapeOf } from "./list-items.ts";

/** What differs between two values. `changed` holds what was added or has another value; `removed` what is gone. */
export interface Difference {
  readonly changed: FieldSet | undefined;
  readonly removed: FieldSet | undefined;
}

const nothing: Difference = { changed: undefined, removed: undefined };
const everythingChanged: Difference = { changed: {}, removed: undefined };

/** Walks both values once; equal parts cost a comparison and allocate nothing. */
export function compareValues(before: unknown, after: unknown, schema: JSONSchema | undefined): Difference {
  if (before === after) return nothing;
  if (after === undefined) return { changed: undefined, removed: memberSet(before, schema) };
  if (before === undefined) return { changed: memberSet(after, schema), removed: undefined };
  const shape = shapeOf(after, schema);
  if (shape !== shapeOf(before, schema)) return everythingChanged;
  if (shape === "leaf") return jsonEqual(before, after) ? nothing : everythingChanged;
  if (shape === "object")
    return compareEntries(
      Object.keys(before as JsonObject),
      Object.keys(after as JsonObject),
      (name) => [`f:${name}`, getField(before as JsonObject, name), getField(after as JsonObject, name)],
      (name) => propertySchema(schema, name),
    );
  // Cheaper than naming the items, and lists are mostly the same.
  if (jsonEqual(before, after)) return nothing;
  const old = itemsByElement(before as unknown[], schema, shape);
  const now = itemsByElement(after as unknown[], schema, shape);
  if (!old || !now) return everythingChanged;
  return compareEntries(
    [...old.keys()],
    [...now.keys()],
    (element) => [element, old.get(element), now.get(element)],
    () => schema?.items,
  );
}

function compareEntries(
  before: readonly string[],
  after: readonly string[],
  entry: (name: string) => readonly [string, unknown, unknown],
  schemaOf: (name: string) => JSONSchema | undefined,
): Difference {
  const changed: [string, FieldSet][] = [];
  const removed: [string, FieldSet][] = [];
  const visit = (name: string): void => {
    const [element, old, now] = entry(name);
    const inner = compareValues(old, now, schemaOf(name));
    if (inner.changed) changed.push([element, inner.changed]);
    if (inner.removed) removed.push([element, inner.removed]);
  };
  for (const name of after) visit(name);
  const there = new Set(after);
  for (const name of before) if (!there.has(name)) visit(name);
  return { changed: node(false, changed), removed: node(false, removed) };
}

/** Every path in `value`, places that hold others included: what an update owns that brings the value in. */
function memberSet(value: unknown, schema: JSONSchema | undefined): FieldSet {
  return node(true, innerSets(value, schema, memberSet)) ?? {};
}

/** The paths that somebody owns who applies `value`: its leaves, the items of associative lists, and keys of maps. */
export function appliedSet(value: unknown, schema: JSONSchema | undefined): FieldSet | undefined {
  const shape = shapeOf(value, schema);
  if (shape === "leaf") return {};
  const inner = innerSets(value, schema, (part, partSchema, element) => {
    const set = appliedSet(part, partSchema);
    const isPlace = isItem(element) || (isJsonObject(value) && !isNamedField(schema, element.slice(2)));
    return isPlace && shapeOf(part, partSchema) !== "leaf" ? node(true, set ? Object.entries(set) : []) : set;
  });
  // An empty object is a value of its own, an empty associative list is not.
  return node(shape === "object" && inner.length === 0, inner);
}

function isItem(element: string): boolean {
  return !element.startsWith("f:");
}

function innerSets(
  value: unknown,
  schema: JSONSchema | undefined,
  setOf: (part: unknown, schema: JSONSchema | undefined, element: string) => FieldSet | undefined,
): [string, FieldSet][] {
  const shape: Shape = shapeOf(value, schema);
  if (shape === "leaf") return [];
  const parts: [string, unknown, JSONSchema | undefined][] =
    shape === "object"
      ? Object.entries(value as JsonObject).map(([name, part]) => [`f:${name}`, part, propertySchema(schema, name)])
      : [...(itemsByElement(value as unknown[], schema, shape) ?? [])].map(([element, part]) => [
          element,
          part,
          schema?.items,
        ]);
  return parts.flatMap(([element, part, partSchema]): [string, FieldSet][] => {
    const set = setOf(part, partSchema, element);
    return set ? [[element, set]] : [];
  });
}
