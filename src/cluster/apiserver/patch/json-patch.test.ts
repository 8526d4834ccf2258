import assert from "node:assert/strict";
import { test } from "node:test";
import { applyJsonPatch } from "./json-patch.ts";
import { PatchError } from "./patch-error.ts";

/** RFC 6902, appendix A: name, document, patch, result (a number: the error's code). */
const vectors: [string, unknown, unknown, unknown][] = [
  ["A.1", { foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { baz: "qux", foo: "bar" }],
  ["A.2", { foo: ["bar", "baz"] }, [{ op: "add", path: "/foo/1", value: "qux" }], { foo: ["bar", "qux", "baz"] }],
  ["A.3", { baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
  ["A.4", { foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
  ["A.5", { baz: "qux", foo: "bar" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo", foo: "bar" }],
  [
    "A.6",
    { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
    [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
    { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
  ],
  [
    "A.7",
    { foo: ["all", "grass", "cows", "eat"] },
    [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    { foo: ["all", "cows", "eat", "grass"] },
  ],
  [
    "A.8",
    { baz: "qux", foo: ["a", 2, "c"] },
    [
      { op: "test", path: "/baz", value: "qux" },
      { op: "test", path: "/foo/1", value: 2 },
    ],
    { baz: "qux", foo: ["a", 2, "c"] },
  ],
  ["A.9", { baz: "qux" }, [{ op: "test", path: "/baz", value: "bar" }], 422],
  [
    "A.10",
    { foo: "bar" },
    [{ op: "add", path: "/child", value: { grandchild: {} } }],
    { foo: "bar", child: { grandchild: {} } },
  ],
  ["A.11", { foo: "bar" }, [{ op: "add", path: "/baz", value: "qux", xyz: 123 }], { foo: "bar", baz: "qux" }],
  ["A.12", { foo: "bar" }, [{ op: "add", path: "/baz/bat", value: "qux" }], 422],
  ["A.14", { "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
  ["A.15", { "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: "10" }], 422],
  ["A.16", { foo: ["bar"] }, [{ op: "add", path: "/foo/-", value: ["abc", "def"] }], { foo: ["bar", ["abc", "def"]] }],
  ["the whole document", { a: 1 }, [{ op: "replace", path: "", value: [1] }], [1]],
  ["copy", { a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
  ["past the end", { a: [1] }, [{ op: "add", path: "/a/2", value: 3 }], 422],
  ["a leading zero", { a: [1, 2] }, [{ op: "remove", path: "/a/01" }], 422],
  ["into itself", { a: { b: 1 } }, [{ op: "move", from: "/a", path: "/a/b" }], 422],
  ["an inherited field", {}, [{ op: "remove", path: "/toString" }], 422],
  ["an unknown op", {}, [{ op: "merge", path: "/a", value: 1 }], 400],
  ["no value", {}, [{ op: "add", path: "/a" }], 400],
  ["no pointer", {}, [{ op: "add", path: "a", value: 1 }], 400],
  ["no array", {}, { op: "add", path: "/a", value: 1 }, 400],
];

for (const [name, target, patch, want] of vectors)
  test(`JSON patch: ${name}`, () => {
    const before = JSON.stringify(target);
    if (typeof want === "number")
      assert.throws(
        () => applyJsonPatch(target, patch),
        (error) => error instanceof PatchError && error.code === want,
      );
    else assert.deepEqual(applyJsonPatch(target, patch), want);
    assert.equal(JSON.stringify(target), before, "the target is not changed");
  });

test("a field called __proto__ is data", () => {
  const result = applyJsonPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]) as object;
  assert.ok(Object.hasOwn(result, "__proto__"));
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});
