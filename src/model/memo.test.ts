import assert from "node:assert/strict";
import { test } from "node:test";
import { keepList, memo, sameList } from "./memo.ts";

test("a result is made once for the same arguments, also when it is nothing", () => {
  let calls = 0;
  const count = memo((_a: object, _b: object): number | undefined => {
    calls += 1;
    return calls > 1 ? calls : undefined;
  });
  const [a, b] = [{}, {}];
  assert.deepEqual([count(a, b), count(a, b), calls], [undefined, undefined, 1]);
  assert.deepEqual([count(b, a), count(b, a), calls], [2, 2, 2]);
  assert.equal(count(a, {}), 3);
});

test("equal lists of objects are one list, and longer ones with the same beginning are others", () => {
  const [a, b, c] = [{}, {}, {}];
  const two = sameList([a, b]);
  assert.deepEqual(two, [a, b]);
  assert.equal(sameList([a, b]), two);
  assert.deepEqual(sameList([a, b, c]), [a, b, c]);
  assert.deepEqual(sameList([a]), [a]);
  assert.equal(sameList([]), sameList([]));
  assert.notEqual(sameList([b, a]), two);
});

test("a list with the same elements stays the list that was there", () => {
  const before = [1, 2];
  assert.equal(keepList(before, [1, 2]), before);
  assert.deepEqual(keepList(before, [1]), [1]);
  assert.deepEqual(keepList(before, [2, 1]), [2, 1]);
});
