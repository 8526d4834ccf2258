import { type FieldError, fieldError } from "../api-error.ts";
import { fitsFormat } from "./format.ts";
import type { JSONSchema } from "./json-schema.ts";
import { matchesPattern } from "./pattern.ts";

export { applyDefaults } from "./defaults.ts";
export { prune } from "./prune.ts";

/** Evaluates the `x-kubernetes-validations` of the node that describes `value`. */
export type RuleEvaluator = (value: unknown, old: unknown, schema: JSONSchema, path: string) => readonly FieldError[];

/** A value is not looked at after so many errors. */
const maxErrors = 100;

/**
 * Checks a custom resource against its schema, in Kubernetes' words (apiextensions-apiserver and kube-openapi `validate`).
 * `path` is where `value` stands, `""` for the object itself; `old` is the stored value, for rules about changes.
 */
export function validate(
  value: unknown,
  schema: JSONSchema,
  path: string,
  old?: unknown,
  rules?: RuleEvaluator,
): FieldError[] {
  const errors: FieldError[] = [];
  check(value, schema, path, old, rules, errors);
  return errors;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function fitsType(type: string, value: unknown): boolean {
  const actual = typeName(value);
  return actual === type || (type === "number" && actual === "integer");
}

function check(
  value: unknown,
  schema: JSONSchema,
  path: string,
  old: unknown,
  rules: RuleEvaluator | undefined,
  errors: FieldError[],
): void {
  if (errors.length >= maxErrors) return;
  if (value === null && schema.nullable) return;
  const isEither = schema["x-kubernetes-int-or-string"] === true;
  if (
    isEither ? !fitsType("integer", value) && typeof value !== "string" : schema.type && !fitsType(schema.type, value)
  ) {
    errors.push(wrongType(path, value, isEither ? "integer,string" : (schema.type ?? "")));
    return;
  }
  if (schema.enum && !schema.enum.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value)))
    errors.push(
      fieldError.unsupported(
        path,
        value,
        schema.enum.map((allowed) => (typeof allowed === "string" ? allowed : JSON.stringify(allowed))),
      ),
    );
  if (typeof value === "string") checkString(value, schema, path, errors);
  else if (typeof value === "number") checkNumber(value, schema, path, errors);
  else if (Array.isArray(value)) checkArray(value, schema, path, old, rules, errors);
  else if (typeof value === "object" && value !== null)
    checkObject(value as Record<string, unknown>, schema, path, old, rules, errors);
  checkCombined(value, schema, path, old, rules, errors);
  if (schema["x-kubernetes-validations"] && rules) errors.push(...rules(value, old, schema, path));
}

function wrongType(path: string, value: unknown, wanted: string): FieldError {
  const actual = typeName(value);
  return {
    reason: "FieldValueTypeInvalid",
    field: path,
    message: `Invalid value: ${JSON.stringify(actual)}: ${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`,
  };
}

function checkString(value: string, schema: JSONSchema, path: string, errors: FieldError[]): void {
  const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength)
    errors.push({
      reason: "FieldValueTooLong",
      field: path,
      message: `Too long: may not be more than ${schema.maxLength} bytes`,
    });
  if (schema.minLength !== undefined && length < schema.minLength)
    errors.push(fieldError.invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  if (schema.pattern !== undefined && !matchesPattern(schema.pattern, value))
    errors.push(fieldError.invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  if (schema.format && !fitsFormat(schema.format, value))
    errors.push(
      fieldError.invalid(path, value, `${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`),
    );
}

function checkNumber(value: number, schema: JSONSchema, path: string, errors: FieldError[]): void {
  const bad = (what: string): number =>
    errors.push(fieldError.invalid(path, value, `${path} in body should be ${what}`));
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    bad(`greater than ${schema.exclusiveMinimum ? "" : "or equal to "}${minimum}`);
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    bad(`less than ${schema.exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) bad(`a multiple of ${multipleOf}`);
  if (schema.format && !fitsFormat(schema.format, value))
    errors.push(fieldError.invalid(path, value, `${path} in body must be of type ${schema.format}: "number"`));
}

function tooMany(path: string, actual: number, max: number): FieldError {
  return {
    reason: "FieldValueTooMany",
    field: path,
    message: `Too many: ${actual}: must have at most ${max} items`,
  };
}

function checkArray(
  value: readonly unknown[],
  schema: JSONSchema,
  path: string,
  old: unknown,
  rules: RuleEvaluator | undefined,
  errors: FieldError[],
): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    errors.push(tooMany(path, value.length, schema.maxItems));
  if (schema.minItems !== undefined && value.length < schema.minItems)
    errors.push(
      fieldError.invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`),
    );
  const seen = new Set<string>();
  const listType = schema["x-kubernetes-list-type"];
  const oldItems = new Map(Array.isArray(old) ? old.map((item) => [identity(item, schema), item]) : []);
  value.forEach((item, index) => {
    const id = identity(item, schema);
    if (listType === "set" || listType === "map" || schema.uniqueItems) {
      if (seen.has(id)) errors.push({ ...fieldError.duplicate(`${path}[${index}]`, JSON.parse(id)) });
      seen.add(id);
    }
    // Only items with an identity have an earlier self.
    const before = listType === "map" ? oldItems.get(id) : undefined;
    if (schema.items) check(item, schema.items, `${path}[${index}]`, before, rules, errors);
  });
}

function identity(item: unknown, schema: JSONSchema): string {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (!keys || typeof item !== "object" || item === null) return JSON.stringify(item) ?? "null";
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, (item as Record<string, unknown>)[key]])));
}

function checkObject(
  value: Readonly<Record<string, unknown>>,
  schema: JSONSchema,
  path: string,
  old: unknown,
  rules: RuleEvaluator | undefined,
  errors: FieldError[],
): void {
  const names = Object.keys(value);
  const child = (name: string): string => (path === "" ? name : `${path}.${name}`);
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(value, name)) errors.push(fieldError.required(child(name)));
  if (schema.maxProperties !== undefined && names.length > schema.maxProperties)
    errors.push(tooMany(path, names.length, schema.maxProperties));
  if (schema.minProperties !== undefined && names.length < schema.minProperties)
    errors.push(
      fieldError.invalid(path, names.length, `${path} in body should have at least ${schema.minProperties} properties`),
    );
  const rest = schema.additionalProperties;
  for (const name of names) {
    const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const inner = own ?? (typeof rest === "object" ? rest : undefined);
    if (!inner) continue;
    const before = typeof old === "object" && old !== null ? (old as Record<string, unknown>)[name] : undefined;
    check(value[name], inner, child(name), before, rules, errors);
  }
}

/** Kubernetes names no field here, only the place inside the message. */
function combined(path: string, what: string): FieldError {
  return { reason: "FieldValueInvalid", field: "<nil>", message: `Invalid value: "": "${path}" must ${what}` };
}

function checkCombined(
  value: unknown,
  schema: JSONSchema,
  path: string,
  old: unknown,
  rules: RuleEvaluator | undefined,
  errors: FieldError[],
): void {
  const failures = (part: JSONSchema): FieldError[] => {
    const own: FieldError[] = [];
    check(value, part, path, old, rules, own);
    return own;
  };
  if (schema.allOf) {
    const all = schema.allOf.map(failures);
    for (const own of all) errors.push(...own);
    if (all.some((own) => own.length > 0)) errors.push(combined(path, "validate all the schemas (allOf)"));
  }
  if (schema.anyOf) {
    const all = schema.anyOf.map(failures);
    if (all.every((own) => own.length > 0)) {
      errors.push(combined(path, "validate at least one schema (anyOf)"), ...(closest(all) ?? []));
    }
  }
  if (schema.oneOf) {
    const all = schema.oneOf.map(failures);
    const valid = all.filter((own) => own.length === 0).length;
    if (valid !== 1) {
      const found = valid === 0 ? "none valid" : `${valid} valid alternatives`;
      errors.push(combined(path, `validate one and only one schema (oneOf). Found ${found}`));
      if (valid === 0) errors.push(...(closest(all) ?? []));
    }
  }
  if (schema.not && failures(schema.not).length === 0) errors.push(combined(path, "not validate the schema (not)"));
}

/** The alternative that was missed by least says most about the mistake. */
function closest(all: readonly FieldError[][]): FieldError[] | undefined {
  return all.toSorted((a, b) => a.length - b.length)[0];
}
