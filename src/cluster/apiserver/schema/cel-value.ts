import type { CelInput } from "@bufbuild/cel";
import type { JSONSchema } from "./json-schema.ts";

/** Words that CEL keeps for itself; a field of that name is written with underscores around it in rules. */
const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** How a field is called in a rule (Kubernetes: "escaping" of CEL property names). */
function ruleName(field: string): string {
  if (reserved.has(field)) return `__${field}__`;
  if (!/__|[.\-/]/.test(field)) return field;
  return field
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

/** A value as rules see it: objects are maps, and integers are CEL's int, which JSON doesn't tell from double. */
export function celValue(value: unknown, schema: JSONSchema | undefined): CelInput {
  if (typeof value === "number")
    return schema?.type === "number" || !Number.isSafeInteger(value) ? value : BigInt(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema?.items));
  if (typeof value !== "object" || value === null) return null;
  const rest = schema?.additionalProperties;
  const result = new Map<string, CelInput>();
  for (const [name, inner] of Object.entries(value)) {
    const own = schema?.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const converted = celValue(inner, own ?? (typeof rest === "object" ? rest : undefined));
    // Keys of maps are data and stay as they are.
    result.set(own ? ruleName(name) : name, converted);
  }
  return result;
}
