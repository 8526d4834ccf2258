import assert from "node:assert/strict";
import { test } from "node:test";
import { afterTry, type Backoff, retryAt } from "./backoff.ts";

test("waits 0, 10, 20, 40 … 300 s, and starts over after ten quiet minutes", () => {
  const waits: number[] = [];
  let backoff: Backoff | undefined;
  let now = 0;
  for (let crash = 0; crash < 8; crash += 1) {
    const at = retryAt(backoff, now);
    waits.push((at - now) / 1000);
    backoff = afterTry(backoff, at);
    now = at + 1;
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
  const muchLater = now + 601_000;
  assert.equal(retryAt(backoff, muchLater), muchLater);
});
