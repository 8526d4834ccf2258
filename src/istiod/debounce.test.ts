import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createDebounce } from "./debounce.ts";

test("a burst is one run after it went quiet, and an endless one runs at the cap", async () => {
  const runs: number[] = [];
  const debounce = createDebounce({ quiet: 40, longest: 120, run: (waited) => runs.push(waited) });
  debounce.call();
  await sleep(10);
  debounce.call();
  assert.equal(runs.length, 0);
  await sleep(80);
  assert.equal(runs.length, 1);
  for (let count = 0; count < 16; count++) {
    debounce.call();
    await sleep(10);
  }
  assert.equal(runs.length, 2);
  assert.ok((runs[1] ?? 0) >= 115 && (runs[1] ?? 0) < 160, String(runs[1]));
  debounce.stop();
});

test("with a leading run the first call doesn't wait, later ones coalesce", async () => {
  let runs = 0;
  const debounce = createDebounce({ quiet: 40, longest: 200, leading: true, run: () => runs++ });
  debounce.call();
  debounce.call();
  await sleep(10);
  assert.equal(runs, 1);
  debounce.call();
  debounce.call();
  await sleep(10);
  assert.equal(runs, 1);
  await sleep(60);
  assert.equal(runs, 2);
});

test("after a calm time less quiet is enough", async () => {
  const runs: number[] = [];
  const debounce = createDebounce({
    quiet: 200,
    quietAtFirst: 40,
    longest: 1_000,
    run: (waited) => runs.push(Math.round(waited)),
  });
  debounce.call();
  await sleep(20);
  debounce.call();
  await sleep(100);
  assert.equal(runs.length, 1, String(runs));
  debounce.call();
  await sleep(100);
  assert.equal(runs.length, 1, "a run was just before");
  await sleep(150);
  assert.equal(runs.length, 2);
  debounce.stop();
});
