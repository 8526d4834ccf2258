import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCel } from "#cluster/apiserver/schema/cel-engine.ts";
import { istioKinds } from "./kinds.ts";
import type { JsonSchema } from "./schema/json-schema.ts";

function rulesOf(schema: JsonSchema): string[] {
  const inner = [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})];
  return [
    ...(schema["x-kubernetes-validations"] ?? []).map(({ rule }) => rule),
    ...inner.flatMap((part) => (part ? rulesOf(part) : [])),
  ];
}

// A rule that doesn't compile is left out by our API server, and refused by Kubernetes with the whole CRD.
test("the rules of all CRDs are CEL", () => {
  const rules = new Set(istioKinds.flatMap(({ schema }) => rulesOf(schema)));
  assert.ok(rules.size > 10);
  for (const rule of rules) assert.doesNotThrow(() => compileCel(rule), rule);
});
