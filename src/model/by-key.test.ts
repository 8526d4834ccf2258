import assert from "node:assert/strict";
import { test } from "node:test";
import { ByKey } from "./by-key.ts";

test("a value is made once, also where it is undefined, and the oldest goes when there are too many", () => {
  const made: string[] = [];
  const values = new ByKey<string | undefined>(2);
  const ask = (key: string): string | undefined =>
    values.get(key, () => {
      made.push(key);
      return key === "none" ? undefined : key;
    });
  assert.deepEqual([ask("a"), ask("a"), ask("none"), ask("none")], ["a", "a", undefined, undefined]);
  assert.deepEqual(made, ["a", "none"]);
  assert.deepEqual([ask("b"), ask("none"), ask("a")], ["b", undefined, "a"]);
  assert.deepEqual(made, ["a", "none", "b", "a"]);
});
