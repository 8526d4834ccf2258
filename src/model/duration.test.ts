import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

for (const [text, want] of [
  ["5s", 5000],
  ["300ms", 300],
  ["1h30m", 5_400_000],
  ["1.5s", 1500],
  [".5s", 500],
  ["0", 0],
  ["0s", 0],
  ["-1s", -1000],
  ["5", undefined],
  ["5 s", undefined],
  ["s", undefined],
  ["", undefined],
  ["1s2", undefined],
  ["2562047h", 2_562_047 * 3_600_000],
  ["2562048h", undefined],
  [`${"9".repeat(400)}s`, undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${want} ms`, () => assert.equal(parseDuration(text), want));
}
