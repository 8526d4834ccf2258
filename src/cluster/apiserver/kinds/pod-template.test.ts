import assert from "node:assert/strict";
import { test } from "node:test";
import { validateWorkload } from "./pod-template.ts";

const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "app", image: "node:24" }] },
};

test("a workload's selector must select its own pods", () => {
  assert.deepEqual(validateWorkload({ selector: { matchLabels: { app: "web" } }, template }), []);
  const [other] = validateWorkload({ selector: { matchLabels: { app: "api" } }, template });
  assert.equal(other?.field, "spec.template.metadata.labels");
});

test("an operator that selectors don't have is refused", () => {
  const selector = { matchExpressions: [{ key: "app", operator: "Is", values: ["web"] }] };
  const [error] = validateWorkload({ selector, template });
  assert.equal(error?.field, "spec.selector.matchExpressions[0].operator");
  assert.match(error.message, /"Is": not a valid selector operator/);
});
