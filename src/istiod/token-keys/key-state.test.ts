import assert from "node:assert/strict";
import { test } from "node:test";
import { afterFailure, afterReading, isForgotten, type KeyState, newKeyState, used } from "./key-state.ts";

const source = { url: "https://issuer.example/keys", kind: "keys" } as const;
const wanted = { source, timeoutMs: 5000, policies: [] };
const minute = 60_000;
const week = 7 * 24 * 60 * minute;
const times = { refreshMs: 20 * minute, random: () => 0 };

test("keys are read at once, and again after the interval", () => {
  const state = newKeyState(wanted, 1000);
  assert.equal(state.dueAt, 1000);
  const read = afterReading(state, "a", 2000, times);
  assert.deepEqual([read.keys, read.dueAt, read.failures], [{ text: "a" }, 2000 + 20 * minute, 0]);
  assert.equal(afterReading(state, "a", 2000, { ...times, random: () => 1 }).dueAt, 2000 + 18 * minute);
});

test("keys that say the same are the same object", () => {
  const read = afterReading(newKeyState(wanted, 0), "a", 0, times);
  assert.equal(afterReading(read, "a", 1, times).keys, read.keys);
  assert.notEqual(afterReading(read, "b", 1, times).keys, read.keys);
});

function delays(first: KeyState, count: number): number[] {
  let state = first;
  return Array.from({ length: count }, () => {
    const now = state.dueAt;
    state = afterFailure(state, now, times);
    return (state.dueAt - now) / 1000;
  });
}

test("keys that can't be read are tried again, less and less often: for the first time at least every minute", () => {
  assert.deepEqual(delays(newKeyState(wanted, 0), 9), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  const read = afterReading(newKeyState(wanted, 0), "a", 0, times);
  assert.deepEqual(delays(read, 12).slice(8), [256, 512, 1024, 1200]);
});

test("keys that were read stay in use when they can't be read any more, for a week", () => {
  const read = afterReading(newKeyState(wanted, 0), "a", 0, times);
  const failed = afterFailure(read, week - 1, times);
  assert.equal(failed.keys, read.keys);
  assert.equal(afterFailure(failed, week, times).keys, undefined);
  assert.equal(afterReading(failed, "a", week, times).failures, 0);
});

test("what nobody wants is forgotten after a week", () => {
  const state = newKeyState(wanted, 0);
  assert.equal(isForgotten(state, week - 1), false);
  assert.equal(isForgotten(state, week), true);
  assert.equal(isForgotten(used(state, wanted, 1), week), false);
});
