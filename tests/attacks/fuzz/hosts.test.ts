import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compareSpecificity, hostsOverlap, intersection, isSubsetOf, mostSpecific } from "#model/host.ts";
import { bounded } from "./bounds.ts";

// The model: what a pattern stands for is all the names of a small world that match it.
const letters = ["a", "b", "."];
const world: readonly string[] = Array.from({ length: 6 }).reduce<string[]>(
  (names) => ["", ...names.flatMap((name) => letters.map((letter) => letter + name))],
  [""],
);
const meaning = (pattern: string): ReadonlySet<string> =>
  new Set(world.filter((name) => (pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name === pattern)));
const name = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 3 });
const pattern = fc.oneof(
  name,
  name.map((rest) => `*${rest}`),
  fc.constant("*"),
);

test("two patterns overlap when some name matches both", () => {
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      const [left, right] = [meaning(a), meaning(b)];
      assert.equal(hostsOverlap(a, b), !left.isDisjointFrom(right));
    }),
    bounded(2_000),
  );
});

test("one pattern is a subset of another when all its names match that", () => {
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      assert.equal(isSubsetOf(a, b), meaning(a).isSubsetOf(meaning(b)));
    }),
    bounded(2_000),
  );
});

test("the most specific candidate covers the host, and no other that does is narrower", () => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 6 }), pattern, (candidates, host) => {
      const covering = candidates.filter((candidate) => meaning(host).isSubsetOf(meaning(candidate)));
      const best = mostSpecific(
        candidates.map((candidate) => [candidate, candidate] as const),
        host,
      );
      if (best === undefined) return assert.deepEqual(covering, []);
      assert.ok(covering.includes(best));
      for (const other of covering) assert.ok(!meaning(other).isSubsetOf(meaning(best)) || other === best);
    }),
    bounded(1_000),
  );
});

test("the intersection has the names that both sides have, and no others", () => {
  const all = (patterns: readonly string[]): ReadonlySet<string> =>
    new Set(patterns.flatMap((one) => [...meaning(one)]));
  const some = fc.array(pattern, { maxLength: 3 });
  fc.assert(
    fc.property(some, some, (a, b) => {
      const both = all(a).intersection(all(b));
      assert.deepEqual([...all(intersection(a, b))].sort(), [...both].sort());
    }),
    bounded(1_000),
  );
});

test("specificity is an order: names before patterns, and what narrows comes first", () => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { minLength: 3, maxLength: 3 }), (three) => {
      const [a = "", b = "", c = ""] = three.toSorted(compareSpecificity);
      assert.ok(compareSpecificity(a, b) < 0 && compareSpecificity(b, c) < 0 && compareSpecificity(a, c) < 0);
      assert.ok(!meaning(c).isSubsetOf(meaning(a)), `${c} is narrower than ${a}`);
    }),
    bounded(1_000),
  );
});
