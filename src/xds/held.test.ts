import assert from "node:assert/strict";
import { test } from "node:test";
import { Held } from "./held.ts";
import { nameSet } from "./name-set.ts";
import type { Resource } from "./resource.ts";
import { type ResourceSet, sharedList, sharedSet, withOwn } from "./resource-set.ts";

/** `a1` is version 1 of `a`. */
function list(...texts: string[]): readonly Resource[] {
  return texts.map(([name = "", version = ""]) => ({ name, version, any: Buffer.from(name + version) }));
}

/** What a client that has `from` lacks of `to`: `+a1` and, gone, `-b`. */
function steps(from: ResourceSet, to: ResourceSet, change: (held: Held) => void = () => {}): string[] {
  const held = new Held();
  held.replace(from);
  change(held);
  const { changed, gone } = held.difference(to);
  const added = [...changed.shared, ...changed.own].map(({ name, version }) => `+${name}${version}`);
  return [...added, ...gone.map((name) => `-${name}`)].sort();
}

test("new, changed and gone resources are told apart, whichever list they are in", () => {
  const before = withOwn(list("a1", "b1", "c1"), list("x1"));
  assert.deepEqual(steps(before, before), []);
  assert.deepEqual(steps(before, withOwn(list("a1", "b2", "d1"), list("x2"))), ["+b2", "+d1", "+x2", "-c"]);
  assert.deepEqual(steps(sharedSet([]), before), ["+a1", "+b1", "+c1", "+x1"]);
  assert.deepEqual(steps(before, sharedSet([])), ["-a", "-b", "-c", "-x"]);
});

test("a resource that only moves between the lists is neither gone nor new", () => {
  const [shared, own] = [sharedSet(list("a1", "b1")), withOwn(list("a1"), list("b1"))];
  assert.deepEqual(steps(shared, own), []);
  assert.deepEqual(steps(own, shared), []);
  assert.deepEqual(steps(shared, withOwn(list("a1"), list("b2"))), ["+b2"]);
});

test("what a client has besides or instead of the set counts", () => {
  const set = sharedSet(list("a1", "b1"));
  assert.deepEqual(
    steps(set, set, (held) => held.delete("a")),
    ["+a1"],
  );
  assert.deepEqual(
    steps(set, set, (held) => held.set("b", "0")),
    ["+b1"],
  );
  assert.deepEqual(
    steps(set, set, (held) => held.set("z", "1")),
    ["-z"],
  );
  assert.deepEqual(
    steps(set, set, (held) => held.set("z", "")),
    [],
    "it knows that there is no z",
  );
  assert.deepEqual(
    steps(sharedSet([]), set, (held) => held.set("a", "1")),
    ["+b1"],
  );
});

test("entries can be read, dropped and kept by name", () => {
  const held = new Held();
  assert.ok(held.isEmpty);
  held.replace(withOwn(list("a1", "b1"), list("x1")));
  held.delete("a");
  held.set("c", "1");
  assert.deepEqual([held.get("a"), held.get("b"), held.get("c"), held.get("x")], [undefined, "1", "1", "1"]);
  held.retain(new Set(["b", "c"]));
  assert.deepEqual(
    [...held],
    [
      ["b", "1"],
      ["c", "1"],
    ],
  );
});

test("for clients that go from one list to another, what changed is one list too", () => {
  const [before, after] = [sharedSet(list("a1", "b1", "c1")), sharedSet(list("a1", "b2", "c1"))];
  const [one, other] = [new Held(), new Held()];
  for (const held of [one, other]) held.replace(before);
  assert.equal(one.difference(after).changed.shared, other.difference(after).changed.shared);
});

test("lists and sets of names with the same content are the same", () => {
  assert.equal(sharedList(list("a1", "b1")), sharedList(list("a1", "b1")));
  assert.notEqual(sharedList(list("a1", "b1")), sharedList(list("a1", "b2")));
  assert.equal(nameSet(["b", "a"]), nameSet(["a", "b", "a"]));
  assert.notEqual(nameSet(["a"]), nameSet(["a", "b"]));
});
