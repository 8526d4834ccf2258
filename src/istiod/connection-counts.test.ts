import assert from "node:assert/strict";
import { test } from "node:test";
import { createConnectionCounts } from "./connection-counts.ts";

test("a proxy is there from its first connection to its last, also when it comes back before the old one is gone", () => {
  const counts = createConnectionCounts();
  assert.deepEqual([counts.open("a"), counts.open("a"), counts.open("b")], [true, false, true]);
  assert.deepEqual([counts.close("a"), counts.isOpen("a")], [false, true]);
  assert.deepEqual([counts.open("a"), counts.close("a"), counts.close("a")], [false, false, true]);
  assert.deepEqual([counts.isOpen("a"), counts.isOpen("b")], [false, true]);
});
