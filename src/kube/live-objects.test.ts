import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveObjects } from "./live-objects.ts";

test("what was current stays as it was, and is the same map until something is put", () => {
  const objects = new LiveObjects();
  const one = { metadata: { name: "one" } };
  objects.put("one", one);
  const before = objects.current();
  assert.equal(objects.current(), before);
  objects.put("two", { metadata: { name: "two" } });
  objects.put("one", undefined);
  assert.deepEqual([...before.values()], [one]);
  assert.deepEqual([...objects.current().keys()], ["two"]);
  assert.deepEqual([objects.size, objects.get("one")], [1, undefined]);
});
