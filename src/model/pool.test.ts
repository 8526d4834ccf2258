import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createPool } from "./pool.ts";

test("a value is made once for its key, and forgotten when nobody has it", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const pool = createPool<{ readonly text: string }>();
  const kept = pool.get("a", () => ({ text: "first" }));
  assert.equal(
    pool.get("a", () => ({ text: "second" })),
    kept,
  );
  pool.get("b", () => ({ text: "other" }));
  assert.equal(pool.size, 2);
  for (let turn = 0; turn < 50 && pool.size > 1; turn++) {
    await new Promise((done) => setTimeout(done, 10));
    collect();
  }
  assert.equal(pool.size, 1);
  assert.equal(
    pool.get("a", () => ({ text: "third" })),
    kept,
  );
});
