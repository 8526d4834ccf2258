import assert from "node:assert/strict";
import { test } from "node:test";
import { casePattern } from "./case-pattern.ts";

const names = ["00-nothing/web", "01-route/web", "02-tls/web", "03-fault/web", "a[1].b"];
const found: readonly (readonly [string, readonly string[]])[] = [
  ["01-route", ["01-route/web"]],
  ["0[013]*", ["00-nothing/web", "01-route/web", "03-fault/web"]],
  ["0[0-1]*", ["00-nothing/web", "01-route/web"]],
  ["0[!0]*", ["01-route/web", "02-tls/web", "03-fault/web"]],
  ["0?-tls", ["02-tls/web"]],
  ["*/web", ["00-nothing/web", "01-route/web", "02-tls/web", "03-fault/web"]],
  ["a[[]1*", ["a[1].b"]],
  ["01", []],
  ["a.1..b", []],
];
for (const [pattern, expected] of found) {
  test(`${pattern} names ${expected.length} of the cases`, () => {
    assert.deepEqual(
      names.filter((name) => casePattern(pattern).test(name)),
      expected,
    );
  });
}
