import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { envoyTypes } from "#api/envoy/types.ts";

/**
 * A message of that type as Envoy prints it, with the names of its fields as Istio prints them: `inline_bytes` is `inlineBytes`. Keys that
 * users or Envoy chose, and messages of types that aren't known, stay as they are.
 */
export function protoJson(typeName: string, value: unknown): unknown {
  const type = envoyTypes().getMessage(typeName);
  return type === undefined || hasJsonOfItsOwn(type) ? value : messageJson(type, value);
}

/** The same for each of a list. */
export function protoJsonList(typeName: string, values: readonly unknown[]): readonly unknown[] {
  return values.map((value) => protoJson(typeName, value));
}

function messageJson(type: DescMessage, value: unknown): unknown {
  if (!isObject(value)) return value;
  const fields = new Map(type.fields.map((field) => [field.name, field]));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const field = fields.get(key);
      return field === undefined ? [key, item] : [field.jsonName, fieldJson(field, item)];
    }),
  );
}

function fieldJson(field: DescField, value: unknown): unknown {
  const { message } = field;
  if (message === undefined) return value;
  const one = (item: unknown): unknown =>
    hasJsonOfItsOwn(message) ? knownJson(message, item) : messageJson(message, item);
  if (field.fieldKind === "list") return Array.isArray(value) ? value.map(one) : value;
  if (field.fieldKind !== "map" || !isObject(value)) return one(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, one(item)]));
}

function hasJsonOfItsOwn({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

/** Of these only `Any` has messages in it. */
function knownJson({ typeName }: DescMessage, value: unknown): unknown {
  if (typeName !== "google.protobuf.Any" || !isObject(value)) return value;
  const url = value["@type"];
  return typeof url === "string" ? protoJson(url.slice(url.lastIndexOf("/") + 1), value) : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
