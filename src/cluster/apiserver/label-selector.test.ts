import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLabelSelector } from "./label-selector.ts";

const cases: readonly [selector: string, labels: Record<string, string>, matches: boolean][] = [
  ["", {}, true],
  ["app=a", { app: "a" }, true],
  ["app==a,tier!=db", { app: "a" }, true],
  ["app=a,tier!=db", { app: "a", tier: "db" }, false],
  ["app in (a, b),!gone", { app: "b" }, true],
  ["app notin (a,b)", { app: "a" }, false],
  ["app notin (a,b)", {}, true],
  ["example.com/app", { "example.com/app": "" }, true],
  ["app=", { app: "" }, true],
  ["size>3", { size: "10" }, true],
];

for (const [selector, labels, matches] of cases)
  test(`${JSON.stringify(selector)} and ${JSON.stringify(labels)}`, () => {
    assert.equal(parseLabelSelector(selector)(labels), matches);
  });

test("what is no selector is refused", () => {
  for (const text of ["a b", "=x", "a in b", "a=b,,c"]) assert.throws(() => parseLabelSelector(text), /requirement/);
});
