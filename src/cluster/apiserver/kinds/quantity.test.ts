import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalQuantity } from "./quantity.ts";

const cases: readonly [given: string | number, canonical: string][] = [
  [1, "1"],
  [0.1, "100m"],
  ["0.1", "100m"],
  ["1000m", "1"],
  ["1500m", "1500m"],
  ["64Mi", "64Mi"],
  ["1024Mi", "1Gi"],
  ["0.5Gi", "512Mi"],
  ["1000", "1k"],
  ["1e3", "1e3"],
  ["0", "0"],
  ["0.5Ki", "512"],
  ["100u", "100u"],
  ["many", "many"],
];

for (const [given, canonical] of cases)
  test(`${JSON.stringify(given)} is ${canonical}`, () => {
    assert.equal(canonicalQuantity(given), canonical);
  });
