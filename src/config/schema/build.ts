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
  const schema = described({ type: "string", format: "duration" }, description);
  return ruled(schema, { "duration(self) >= duration('1ms')": "must be at least 1ms" });
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

/** A list whose items are told apart by a field that each has; no two have the same. */
export function listBy(
  key: string,
  items: JsonSchema,
  description: string,
  limits: Pick<JsonSchema, "maxItems">,
): JsonSchema {
  return {
    ...list(items, description, limits),
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": [key],
  };
}

export function map(
  values: JsonSchema,
  description?: string,
  limits: Pick<JsonSchema, "minProperties" | "maxProperties"> = {},
): JsonSchema {
  return described({ type: "object", additionalProperties: values, ...limits }, description);
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

/**
 * The schema with rules (CEL → what is wrong where it isn't true) that the API server checks before it asks the webhook.
 * What they reach must have limits: Kubernetes refuses a CRD whose rules could cost too much.
 */
export function ruled(schema: JsonSchema, rules: Readonly<Record<string, string>>): JsonSchema {
  const own = Object.entries(rules).map(([rule, message]) => ({ rule, message }));
  return { ...schema, "x-kubernetes-validations": [...(schema["x-kubernetes-validations"] ?? []), ...own] };
}

/** CEL for how many of the conditions hold. A sum: Kubernetes takes a list of them, and a loop over it, for ten times as much work. */
export function countOf(conditions: readonly string[]): string {
  return conditions.map((condition) => `(${condition} ? 1 : 0)`).join(" + ");
}

/** Any object: for kinds and fields whose content isn't checked yet. */
export function open(description?: string): JsonSchema {
  return described({ type: "object", "x-kubernetes-preserve-unknown-fields": true }, description);
}

/** The schema of a custom resource from that of its `spec`. */
export function resource(spec: JsonSchema, required = false): JsonSchema {
  return object({ spec, status: open("What the control plane reports.") }, required ? { required: ["spec"] } : {});
}
