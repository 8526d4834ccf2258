import { badRequest, invalid } from "../api-error.ts";
import { type Fields, isFields, type Obj } from "../object.ts";
import type { Served } from "../registry.ts";
import { builtinSchema } from "../schema/builtin.ts";
import { celRules } from "../schema/cel-rules.ts";
import { decodeError } from "../schema/decode-error.ts";
import { applyDefaults } from "../schema/defaults.ts";
import type { JSONSchema } from "../schema/json-schema.ts";
import { prune } from "../schema/prune.ts";
import { validate } from "../schema/structural.ts";
import { apiVersionOf } from "./encode.ts";
import type { WriteOptions } from "./write-options.ts";

export function schemaOf({ kind, version }: Served): JSONSchema | undefined {
  return kind.custom ? version.schema : builtinSchema(version.group, version.version, kind.kind);
}

/** The schema of the stored form: what patches and field ownership work on. */
export function storedSchemaOf({ kind, version }: Served): JSONSchema | undefined {
  return kind.custom ? version.schema : builtinSchema(kind.stored.group, kind.stored.version, kind.kind);
}

function checkType(document: unknown, served: Served): Obj {
  if (!isFields(document)) throw badRequest("the body must be an object with apiVersion and kind");
  const expected = apiVersionOf(served);
  const { apiVersion, kind } = document;
  if (apiVersion !== undefined && apiVersion !== "" && apiVersion !== expected)
    throw badRequest(
      `the API version in the data (${JSON.stringify(apiVersion)}) does not match the expected API version (${expected})`,
    );
  if (kind !== undefined && kind !== "" && kind !== served.kind.kind)
    throw badRequest(
      `${served.kind.kind} in version ${JSON.stringify(served.version.version)} cannot be handled as a ${served.kind.kind}: the object has kind ${JSON.stringify(kind)}`,
    );
  if (document["metadata"] !== undefined && document["metadata"] !== null && !isFields(document["metadata"]))
    throw badRequest("metadata: must be an object");
  for (const field of ["labels", "annotations"]) checkTexts(field, (document["metadata"] ?? {})[field as never]);
  return { ...document, apiVersion: expected, kind: served.kind.kind, metadata: dropNulls(document["metadata"] ?? {}) };
}

function checkTexts(field: string, map: unknown): void {
  if (map === undefined || map === null) return;
  const wrong = isFields(map) ? Object.values(map).find((value) => typeof value !== "string") : map;
  if (wrong !== undefined)
    throw badRequest(
      `json: cannot unmarshal ${Array.isArray(wrong) ? "array" : typeof wrong} into Go struct field ObjectMeta.metadata.${field} of type string`,
    );
}

/** `labels: null` and the like mean "none". */
function dropNulls(metadata: unknown): Fields {
  return Object.fromEntries(Object.entries(metadata as Fields).filter(([, value]) => value !== null));
}

function unknownFields(dropped: readonly string[], options: WriteOptions): void {
  if (dropped.length === 0 || options.fieldValidation === "Ignore") return;
  const texts = dropped.map((field) => `unknown field "${field}"`);
  if (options.fieldValidation === "Strict") throw badRequest(`strict decoding error: ${texts.join(", ")}`);
  options.warnings.push(...texts);
}

/** Null means absent in a typed object, as Go's decoder has it. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const result: Fields = {};
  for (const [key, inner] of Object.entries(value)) if (inner !== null) result[key] = withoutNulls(inner);
  return result;
}

/**
 * The document as an object of the stored version: unknown fields dropped (and reported as asked), schema defaults of a
 * custom resource set. Throws a 400 for another type or, of a built-in kind, for a value of the wrong type.
 */
export function decodeObject(document: unknown, served: Served, options: WriteOptions): Obj {
  let object = checkType(document, served);
  const schema = schemaOf(served);
  if (served.kind.custom) {
    if (schema) {
      const pruned = prune(object, schema);
      unknownFields(pruned.dropped, options);
      object = applyDefaults(pruned.value, schema) as Obj;
    }
  } else {
    object = withoutNulls(object) as Obj;
    if (schema) {
      const pruned = prune(object, schema);
      unknownFields(pruned.dropped, options);
      object = pruned.value as Obj;
      const wrong = decodeError(object, schema);
      if (wrong)
        throw badRequest(
          `${served.kind.kind} in version ${JSON.stringify(served.version.version)} cannot be handled as a ${served.kind.kind}: ${wrong}`,
        );
    }
  }
  return served.version.toStored ? served.version.toStored(object) : object;
}

/** A custom resource against its schema; throws a 422. */
export function checkSchema(object: Obj, served: Served, old: Obj | undefined): void {
  const schema = schemaOf(served);
  if (!served.kind.custom || !schema) return;
  const errors = validate(object, schema, "", old, celRules);
  if (errors.length > 0) throw invalid(served.version.group, served.kind.kind, object.metadata.name ?? "", errors);
}
