import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesLabels } from "./label-selector.ts";
import { holds } from "./requirement.ts";

const labels = { app: "web", tier: "front" };

function takes(operator: string, key: string, values: readonly string[] = []): boolean {
  return matchesLabels({ matchExpressions: [{ key, operator, values }] }, labels);
}

test("a selector takes in what has its labels and is as its expressions say; an empty one takes all", () => {
  assert.ok(matchesLabels({}, labels));
  assert.ok(matchesLabels({}));
  assert.ok(matchesLabels({ matchLabels: { app: "web" } }, labels));
  assert.ok(!matchesLabels({ matchLabels: { app: "web", tier: "back" } }, labels));
  assert.ok(takes("In", "app", ["web", "api"]) && !takes("In", "app", ["api"]) && !takes("In", "none", ["api"]));
  assert.ok(takes("NotIn", "app", ["api"]) && takes("NotIn", "none", ["api"]) && !takes("NotIn", "app", ["web"]));
  assert.ok(takes("Exists", "app") && !takes("Exists", "none"));
  assert.ok(takes("DoesNotExist", "none") && !takes("DoesNotExist", "app"));
});

test("operators that selectors don't have take nothing", () => {
  for (const operator of ["Gt", "Lt", "exists", ""]) assert.ok(!takes(operator, "app", ["0"]), operator);
});

test("what every object has is no label", () => {
  assert.ok(!takes("Exists", "constructor") && takes("DoesNotExist", "toString"));
  assert.ok(!matchesLabels({ matchLabels: { app: "web" } }, Object.create({ app: "web" })));
});

test("numbers are compared for nodes", () => {
  assert.ok(holds({ operator: "Gt", values: ["4"] }, "16") && !holds({ operator: "Gt", values: ["4"] }, undefined));
  assert.ok(holds({ operator: "Lt", values: ["16"] }, "4") && !holds({ operator: "Lt", values: ["16"] }, "many"));
});
