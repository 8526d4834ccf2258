import assert from "node:assert/strict";
import { celRules } from "#cluster/apiserver/schema/cel-rules.ts";
import { applyDefaults } from "#cluster/apiserver/schema/defaults.ts";
import type { JSONSchema } from "#cluster/apiserver/schema/json-schema.ts";
import { prune } from "#cluster/apiserver/schema/prune.ts";
import { validate } from "#cluster/apiserver/schema/structural.ts";
import { kindNamed } from "#config/kinds.ts";

/** Fails unless `weft up`'s API server, which only knows the kind's CRD, accepts the resource or doesn't, as wanted. */
export function judgeByCrd(resource: { readonly kind: string }, { valid }: { readonly valid: boolean }): void {
  const schema: JSONSchema | undefined = kindNamed(resource.kind)?.schema;
  assert.ok(schema, `${resource.kind} has no schema`);
  const { value, dropped } = prune(JSON.parse(JSON.stringify(resource)), schema);
  const errors = [
    ...dropped.map((field) => `unknown field ${field}`),
    ...validate(applyDefaults(value, schema), schema, "", undefined, celRules).map(
      ({ field, message }) => `${field}: ${message}`,
    ),
  ];
  assert.equal(errors.length === 0, valid, `errors: ${errors.join("; ") || "none"}`);
}
