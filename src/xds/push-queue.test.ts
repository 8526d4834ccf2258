import assert from "node:assert/strict";
import { test } from "node:test";
import { createPushQueue } from "./push-queue.ts";

test("an item waits once, and only so many are under way", () => {
  const started: string[] = [];
  let turns: (() => void)[] = [];
  const queue = createPushQueue<string>({
    limit: 2,
    run: (item) => {
      started.push(item);
      return true;
    },
    soon: (callback) => turns.push(callback),
  });
  const turn = (): void => {
    const now = turns;
    turns = [];
    for (const callback of now) callback();
  };
  for (const item of ["a", "b", "a", "c"]) queue.add(item);
  assert.equal(queue.waiting, 3);
  for (let count = 0; count < 5; count++) turn();
  assert.deepEqual(started, ["a", "b"]);
  queue.add("a");
  turn();
  assert.deepEqual(started, ["a", "b", "a"], "what is under way has its place already");
  queue.done("b");
  turn();
  turn();
  assert.deepEqual(started, ["a", "b", "a", "c"]);
});
