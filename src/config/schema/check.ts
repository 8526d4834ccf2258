import { parseDuration } from "#model/duration.ts";
import type { FieldError } from "../field-error.ts";
import type { JsonSchema } from "./json-schema.ts";

/** Errors of one check: enough to see what is wrong, not so many that an answer grows without bound. */
const maxErrors = 50;

/** What in `value` isn't as `schema` says. Null fields count as absent, as the API server prunes them; nulls in lists and maps don't. */
export function checkSchema(schema: JsonSchema, value: unknown, field: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  check(schema, value, field, errors);
  return errors.slice(0, maxErrors);
}

function check(schema: JsonSchema, value: unknown, field: string, errors: FieldError[]): void {
  if (errors.length >= maxErrors) return;
  const type = schema.type;
  if (schema["x-kubernetes-int-or-string"] && (typeof value === "string" || Number.isInteger(value))) return;
  if (type !== undefined && !hasType(type, value)) {
    errors.push({ field, message: `must be ${article(type)}`, value });
    return;
  }
  if (Array.isArray(value)) return checkList(schema, value, field, errors);
  if (typeof value === "object" && value !== null) return checkObject(schema, value, field, errors);
  if (typeof value === "string") return checkText(schema, value, field, errors);
  if (typeof value === "number") checkNumber(schema, value, field, errors);
}

function hasType(type: NonNullable<JsonSchema["type"]>, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "integer") return Number.isSafeInteger(value);
  return typeof value === type;
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function checkList(schema: JsonSchema, value: readonly unknown[], field: string, errors: FieldError[]): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.push({ field, message: `must have at least ${schema.minItems} items` });
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    errors.push({ field, message: `must have at most ${schema.maxItems} items` });
  }
  const items = schema.items;
  if (items) value.forEach((item, index) => check(items, item, `${field}[${index}]`, errors));
}

function checkObject(schema: JsonSchema, value: object, field: string, errors: FieldError[]): void {
  const isField = (key: string): boolean => schema.properties?.[key] !== undefined;
  const entries = Object.entries(value).filter(([key, item]) => item !== undefined && !(item === null && isField(key)));
  if (schema.minProperties !== undefined && entries.length < schema.minProperties) {
    errors.push({ field, message: `must have at least ${schema.minProperties} entries` });
  }
  if (schema.maxProperties !== undefined && entries.length > schema.maxProperties) {
    errors.push({ field, message: `must have at most ${schema.maxProperties} entries` });
  }
  const present = new Set(entries.map(([key]) => key));
  for (const key of schema.required ?? []) {
    if (!present.has(key)) errors.push({ field: join(field, key), message: "is required" });
  }
  for (const [key, item] of entries) {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known) check(known, item, join(field, key), errors);
    else if (schema.properties && !schema["x-kubernetes-preserve-unknown-fields"]) {
      errors.push({ field: join(field, key), message: "is not a known field" });
    }
  }
}

function join(field: string, key: string): string {
  if (field === "") return key;
  return /^[A-Za-z0-9_-]+$/.test(key) ? `${field}.${key}` : `${field}[${JSON.stringify(key)}]`;
}

function checkText(schema: JsonSchema, value: string, field: string, errors: FieldError[]): void {
  if (schema.enum && !schema.enum.includes(value)) {
    errors.push({ field, message: `must be one of ${schema.enum.join(", ")}`, value });
  }
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    errors.push({
      field,
      message: schema.minLength === 1 ? "must not be empty" : `must have at least ${schema.minLength} characters`,
      value,
    });
  }
  if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    errors.push({ field, message: `must have at most ${schema.maxLength} characters` });
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    errors.push({ field, message: `must match ${schema.pattern}`, value });
  }
  if (schema.format === "duration") checkDuration(value, field, errors);
}

function checkDuration(value: string, field: string, errors: FieldError[]): void {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) errors.push({ field, message: "must be a duration such as 5s or 300ms", value });
  else if (milliseconds < 1) errors.push({ field, message: "must be at least 1ms", value });
  else if (Math.abs(milliseconds - Math.round(milliseconds)) > 1e-7) {
    errors.push({ field, message: "must be in whole milliseconds", value });
  }
}

function checkNumber(schema: JsonSchema, value: number, field: string, errors: FieldError[]): void {
  if (schema.minimum !== undefined && value < schema.minimum) {
    errors.push({ field, message: `must be at least ${schema.minimum}`, value });
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    errors.push({ field, message: `must be at most ${schema.maximum}`, value });
  }
}
