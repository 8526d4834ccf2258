import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLog } from "#log/log.ts";
import { createWorkQueue } from "./work-queue.ts";

test("a key that changes while it is worked on is worked on once more, never twice at once", async () => {
  let calls = 0;
  let atOnce = 0;
  const queue = createWorkQueue({
    name: "test",
    log: silentLog,
    async reconcile() {
      calls += 1;
      atOnce += 1;
      assert.equal(atOnce, 1);
      await sleep(5);
      atOnce -= 1;
    },
  });
  for (let i = 0; i < 5; i++) queue.add("a");
  await sleep(2);
  for (let i = 0; i < 5; i++) queue.add("a");
  await sleep(30);
  await queue.stop();
  assert.equal(calls, 2);
});

test("no more than `concurrency` keys at once, and all of them", async () => {
  let atOnce = 0;
  let most = 0;
  const done: string[] = [];
  const queue = createWorkQueue({
    name: "test",
    log: silentLog,
    concurrency: 2,
    async reconcile(key) {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await sleep(2);
      atOnce -= 1;
      done.push(key);
    },
  });
  for (const key of "abcde") queue.add(key);
  await sleep(40);
  await queue.stop();
  assert.equal(most, 2);
  assert.equal(done.join(""), "abcde");
});

test("failures back off and are forgotten after a success", async () => {
  const times: number[] = [];
  const queue = createWorkQueue({
    name: "test",
    log: silentLog,
    backOff: { first: 10, longest: 1000 },
    async reconcile() {
      times.push(performance.now());
      if (times.length < 4) throw new Error("not yet");
    },
  });
  queue.add("a");
  await sleep(120);
  await queue.stop();
  assert.equal(times.length, 4);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  assert.ok((gaps[2] ?? 0) > 30, `third wait was ${gaps[2]} ms`);
});
