import assert from "node:assert/strict";
import { test } from "node:test";
import { createHealthState } from "./health-state.ts";

test("a workload turns after so many checks in a row, and is unwell to begin with", () => {
  const state = createHealthState({ success: 2, failure: 3 });
  const turns = (...checks: readonly (string | undefined)[]): readonly boolean[] =>
    checks.map((one) => state.take(one));
  const well = undefined;
  assert.deepEqual(turns("a", "b", "c", "d"), [false, false, false, false]);
  assert.equal(state.told, undefined, "nothing is known yet");
  assert.deepEqual(turns(well, "a", well, well), [false, false, false, true]);
  assert.deepEqual(state.told, { problem: undefined });
  assert.deepEqual(turns("a", "b", well, "c", "d", "e", "f"), [false, false, false, false, false, true, false]);
  assert.deepEqual(state.told, { problem: "e" });
  assert.deepEqual(turns(well, well), [false, true]);
});
