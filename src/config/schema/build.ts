import type { JsonSchema } from "./json-schema.ts";

/** The nouns that the kinds' schemas are written with. */
type Described = { readonly description?: string };

function described(schema: JsonSchema, description: string | undefined): JsonSchema {
  return description === undefined ? schema : { description, ...schema };
}

export function text(
  description?: string,
  limits: Pick<JsonSchema, "pattern" | "minLength" | "maxLength"> = {},
): JsonSchema {
  return described({ type: "string", ...limits }, description);
}

export function bool(description?: string): JsonSchema {
  return described({ type: "boolean" }, description);
}

export function integer(description?: string, limits: Pick<JsonSchema, "minimum" | "maximum"> = {}): JsonSchema {
  return described({ type: "integer", ...limits }, description);
}

export function decimal(description?: string, limits: Pick<JsonSchema, "minimum" | "maximum"> = {}): JsonSchema {
  return described({ type: "number", format: "double", ...limits }, description);
}

export function oneOf(values: readonly string[], description?: string): JsonSchema {
  return described({ type: "string", enum: values }, description);
}

/** A length of time as protobuf's JSON has it and Go parses it: `1.5s`, `300ms`, `1h`. At least 1 ms, in whole ms. */
export function duration(description?: string): JsonSchema {
  return described({ type: "string", format: "duration" }, description);
}

/** The same where 0 has a meaning. */
export function durationOrZero(description?: string): JsonSchema {
  return described({ type: "string", pattern: "^([0-9]+([.][0-9]*)?(ms|s|m|h))+$" }, description);
}

export function list(
  items: JsonSchema,
  description?: string,
  limits: Pick<JsonSchema, "minItems" | "maxItems"> = {},
): JsonSchema {
  return described({ type: "array", items, ...limits }, description);
}

export function map(values: JsonSchema, description?: string): JsonSchema {
  return described({ type: "object", additionalProperties: values }, description);
}

export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  options: Described & { readonly required?: readonly string[] } = {},
): JsonSchema {
  return described(
    { type: "object", properties, ...(options.required ? { required: options.required } : {}) },
    options.description,
  );
}

/** Any object: for kinds and fields whose content isn't checked yet. */
export function open(description?: string): JsonSchema {
  return described({ type: "object", "x-kubernetes-preserve-unknown-fields": true }, description);
}

/** The schema of a custom resource from that of its `spec`. */
export function resource(spec: JsonSchema, required = false): JsonSchema {
  return object({ spec, status: open("What the control plane reports.") }, required ? { required: ["spec"] } : {});
}
