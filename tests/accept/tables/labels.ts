import assert from "node:assert/strict";
import { kindNamed } from "#config/kinds.ts";
import { type Labels, selects } from "#model/labels.ts";
import type { RowCheck } from "./row.ts";

export const labelRows: Readonly<Record<string, RowCheck>> = {
  TestInstance: ({ left, right, expected }) => {
    const { subsetOf } = expected as { subsetOf?: boolean };
    assert.equal(selects((left ?? {}) as Labels, (right ?? {}) as Labels), subsetOf ?? false);
  },
  // Judged where a user writes them.
  TestInstanceValidate: ({ tags, valid = false }) => {
    const spec = { host: "reviews", subsets: [{ name: "v1", labels: tags }] };
    const verdict = kindNamed("DestinationRule")?.validate({ metadata: { name: "a", namespace: "b" }, spec });
    assert.equal(verdict?.errors.length === 0, valid);
  },
};
