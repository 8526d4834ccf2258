import { type JSONSchema, propertySchema } from "../schema/json-schema.ts";
import { getField, isJsonObject, type JsonObject, jsonEqual, setField } from "./json-value.ts";
import { PatchError } from "./patch-error.ts";
import { keyText, listOrder } from "./strategic-order.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const deleteFrom = "$deleteFromPrimitiveList/";
const setOrder = "$setElementOrder/";

/**
 * Kubernetes' strategic merge patch (sig-api-machinery, "strategic-merge-patch.md"): a merge patch that merges the lists
 * whose schema names a merge key. Without a schema every list is replaced. Neither argument is changed; the answer may
 * share parts with both. Throws {@link PatchError}.
 */
export function applyStrategicMerge(target: unknown, patch: unknown, schema: JSONSchema | undefined): unknown {
  if (!isJsonObject(patch)) throw new PatchError(400, "a strategic merge patch must be an object");
  return mergeObject(isJsonObject(target) ? target : {}, patch, schema);
}

function mergeObject(original: JsonObject, patch: JsonObject, schema: JSONSchema | undefined): JsonObject {
  const how = getField(patch, directive);
  if (how === "replace") return clean(without(patch, directive)) as JsonObject;
  if (how === "delete") return {};
  if (how !== undefined && how !== "merge") throw badDirective(how);

  const result: JsonObject = { ...original };
  retain(result, patch);
  const orders = Object.keys(patch).filter((name) => name.startsWith(setOrder));
  const ordered = new Set(orders.map((name) => name.slice(setOrder.length)));
  for (const [name, value] of Object.entries(patch)) {
    if (name === directive || name === retainKeys || name.startsWith(setOrder)) continue;
    if (name.startsWith(deleteFrom)) {
      const field = name.slice(deleteFrom.length);
      const list = getField(result, field);
      if (Array.isArray(list) && Array.isArray(value))
        setField(
          result,
          field,
          list.filter((item) => !value.some((gone) => jsonEqual(gone, item))),
        );
    } else if (value === null) delete result[name];
    else setField(result, name, mergeValue(getField(result, name), value, propertySchema(schema, name), name));
  }
  for (const field of ordered) {
    const list = getField(result, field);
    const order = patch[setOrder + field];
    if (!Array.isArray(list)) continue;
    if (!Array.isArray(order)) throw new PatchError(400, `${setOrder}${field} must be a list`);
    const key = propertySchema(schema, field)?.["x-kubernetes-patch-merge-key"];
    const before = getField(original, field);
    setField(result, field, listOrder(list, order, Array.isArray(before) ? before : [], key));
  }
  return result;
}

function mergeValue(original: unknown, value: unknown, schema: JSONSchema | undefined, name: string): unknown {
  const strategies = (schema?.["x-kubernetes-patch-strategy"] ?? "").split(",");
  if (isJsonObject(value) && isJsonObject(original))
    return strategies.includes("replace") ? clean(value) : mergeObject(original, value, schema);
  if (Array.isArray(value) && strategies.includes("merge"))
    return mergeList(Array.isArray(original) ? original : [], value, schema, name);
  return clean(value);
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  schema: JSONSchema | undefined,
  name: string,
): unknown[] {
  const key = schema?.["x-kubernetes-patch-merge-key"];
  const sample = original[0] ?? patch[0];
  if (!isJsonObject(sample)) {
    const merged = [...original, ...patch].filter((item, index, all) => all.indexOf(item) === index);
    return listOrder(merged, patch, original, undefined);
  }
  if (key === undefined) throw new PatchError(400, `cannot merge lists without merge key for ${name}`);

  const plain: JsonObject[] = [];
  let kept: unknown[] = [...original];
  let replaced = false;
  for (const item of patch) {
    if (!isJsonObject(item)) throw new PatchError(400, `the items of ${name} must be objects`);
    const how = getField(item, directive);
    if (how === "replace") replaced = true;
    else if (how === "delete") {
      const id = mergeKeyOf(item, key, name);
      kept = kept.filter((old) => !isJsonObject(old) || keyText(old[key]) !== id);
    } else if (how === undefined || how === "merge") plain.push(how ? without(item, directive) : item);
    else throw badDirective(how);
  }
  if (replaced) return plain.filter((item) => Object.keys(item).length > 0).map(clean);

  for (const item of plain) {
    const id = mergeKeyOf(item, key, name);
    const index = kept.findIndex((old) => isJsonObject(old) && keyText(old[key]) === id);
    const old = kept[index];
    if (isJsonObject(old)) kept[index] = mergeObject(old, item, schema?.items);
    else kept.push(clean(item));
  }
  return listOrder(kept, plain, original, key);
}

function mergeKeyOf(item: JsonObject, key: string, name: string): string {
  const value = getField(item, key);
  if (value === undefined)
    throw new PatchError(400, `map: ${JSON.stringify(item)} does not contain declared merge key: ${key} (in ${name})`);
  return keyText(value);
}

function retain(result: JsonObject, patch: JsonObject): void {
  const keep = getField(patch, retainKeys);
  if (keep === undefined) return;
  if (!Array.isArray(keep)) throw new PatchError(400, `${retainKeys} must be a list`);
  for (const [name, value] of Object.entries(patch))
    if (value !== null && !name.startsWith("$") && !keep.includes(name))
      throw new PatchError(400, `${retainKeys} doesn't list ${name}, which the patch sets`);
  for (const name of Object.keys(result)) if (!keep.includes(name)) delete result[name];
}

function without(object: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = object;
  return rest;
}

/** A value that has nothing to merge with: its directives and nulls mean nothing and go. */
function clean(value: unknown): unknown {
  if (Array.isArray(value))
    return value.filter((item) => !(isJsonObject(item) && Object.hasOwn(item, directive))).map(clean);
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const [name, inner] of Object.entries(value)) {
    const isDirective =
      name === directive || name === retainKeys || name.startsWith(setOrder) || name.startsWith(deleteFrom);
    if (inner !== null && !isDirective) setField(result, name, clean(inner));
  }
  return result;
}

function badDirective(how: unknown): PatchError {
  return new PatchError(400, `unknown ${directive} directive ${JSON.stringify(how)}: use delete, replace or merge`);
}
