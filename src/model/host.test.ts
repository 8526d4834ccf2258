import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSpecificity, hostsOverlap, isSubsetOf, mostSpecific, resolveShortName } from "./host.ts";

test("a pattern takes in names below it, and narrower patterns", () => {
  assert.ok(isSubsetOf("a.example.com", "*.example.com"));
  assert.ok(isSubsetOf("*.b.example.com", "*.example.com"));
  assert.ok(isSubsetOf("anything", "*"));
  assert.ok(!isSubsetOf("example.com", "*.example.com"));
  assert.ok(!isSubsetOf("*.example.com", "a.example.com"));
  assert.ok(!isSubsetOf("*.com", "*.example.com"));
});

test("overlap goes both ways", () => {
  assert.ok(hostsOverlap("*.com", "*.example.com"));
  assert.ok(hostsOverlap("*.example.com", "*.com"));
  assert.ok(!hostsOverlap("*.example.com", "*.example.org"));
});

test("the order is from the most specific host to the least", () => {
  const hosts = ["*", "*.com", "foo.com", "baz.bar.com", "*.foo.com", "bar.com"];
  assert.deepEqual(hosts.sort(compareSpecificity), ["baz.bar.com", "bar.com", "foo.com", "*.foo.com", "*.com", "*"]);
  const rules = [
    ["*", 1],
    ["*.example.com", 2],
    ["*.b.example.com", 3],
  ] as const;
  assert.equal(mostSpecific(rules, "a.b.example.com"), 3);
  assert.equal(mostSpecific(rules, "a.example.com"), 2);
});

test("only names without a dot are short", () => {
  assert.equal(resolveShortName("reviews", "default", "cluster.local"), "reviews.default.svc.cluster.local");
  for (const host of ["reviews.prod", "*", "*.com", "::1"]) assert.equal(resolveShortName(host, "a", "b"), host);
});
