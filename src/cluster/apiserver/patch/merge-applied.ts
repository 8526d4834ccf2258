import { type JSONSchema, propertySchema } from "../schema/json-schema.ts";
import { below, type FieldSet, isMember } from "./field-set.ts";
import { getField, isJsonObject, type JsonObject, setField } from "./json-value.ts";
import { isNamedField, itemsByElement, shapeOf } from "./list-items.ts";

/** `applied` laid over `live`: objects and associative lists are merged, everything else is taken from `applied`. */
export function mergeApplied(live: unknown, applied: unknown, schema: JSONSchema | undefined): unknown {
  if (live === undefined) return applied;
  const shape = shapeOf(applied, schema);
  if (shape === "leaf" || shape !== shapeOf(live, schema)) return applied;
  if (shape === "object") {
    const result = { ...(live as JsonObject) };
    for (const [name, value] of Object.entries(applied as JsonObject)) {
      const inner = propertySchema(schema, name);
      // A field that is said to be nothing, and may not be null, is not there.
      if (value === null && inner && inner.nullable !== true) delete result[name];
      else setField(result, name, mergeApplied(getField(result, name), value, inner));
    }
    return result;
  }
  const old = itemsByElement(live as unknown[], schema, shape);
  const own = itemsByElement(applied as unknown[], schema, shape);
  if (!old || !own) return applied;
  return mergeItems(old, own, schema?.items);
}

/** The applied order holds among applied items; items that only the live object has stay after what they stood behind. */
function mergeItems(
  old: ReadonlyMap<string, unknown>,
  own: ReadonlyMap<string, unknown>,
  schema: JSONSchema | undefined,
): unknown[] {
  const rest = [...old.keys()];
  const result: unknown[] = [];
  const takeLiveOnly = (): void => {
    for (let next = rest[0]; next !== undefined && !own.has(next); next = rest[0]) {
      result.push(old.get(next));
      rest.shift();
    }
  };
  takeLiveOnly();
  for (const [element, item] of own) {
    result.push(mergeApplied(old.get(element), item, schema));
    const at = rest.indexOf(element);
    if (at === 0) {
      rest.shift();
      takeLiveOnly();
    } else if (at > 0) rest.splice(at, 1);
  }
  return [...result, ...rest.filter((element) => !own.has(element)).map((element) => old.get(element))];
}

/**
 * `value` without what its applier owned (`last`) and nobody owns any more (`owned`: what everybody owns now). A removed
 * field takes along what lies below it, such as defaults that nobody owns.
 */
export function dropAbandoned(
  value: unknown,
  last: FieldSet,
  owned: FieldSet | undefined,
  schema: JSONSchema | undefined,
): unknown {
  const shape = shapeOf(value, schema);
  if (shape === "leaf") return value;
  if (shape === "object") {
    const result: JsonObject = {};
    for (const [name, inner] of Object.entries(value as JsonObject)) {
      const kept = keep(inner, `f:${name}`, last, owned, propertySchema(schema, name), isNamedField(schema, name));
      if (kept !== undefined) setField(result, name, kept);
    }
    return result;
  }
  const items = itemsByElement(value as unknown[], schema, shape);
  if (!items) return value;
  return [...items].flatMap(([element, item]) => {
    const kept = keep(item, element, last, owned, schema?.items, false);
    return kept === undefined ? [] : [kept];
  });
}

function keep(
  value: unknown,
  element: string,
  last: FieldSet,
  owned: FieldSet | undefined,
  schema: JSONSchema | undefined,
  named: boolean,
): unknown {
  const lastBelow = below(last, element);
  if (!lastBelow) return value;
  const ownedBelow = below(owned, element);
  if (!ownedBelow && (named || isMember(lastBelow))) return undefined;
  const rest = dropAbandoned(value, lastBelow, ownedBelow, schema);
  // A place without a name of its own goes when its last field went.
  const empty = isJsonObject(rest) ? Object.keys(rest).length === 0 : Array.isArray(rest) && rest.length === 0;
  return !ownedBelow && empty ? undefined : rest;
}
