import assert from "node:assert/strict";
import { test } from "node:test";
import type { HTTPMatchRequest } from "#api/istio/virtual-service.ts";
import { hasConflict, mergeMatches, mergeRoutes } from "./delegates.ts";

const conflicts: readonly (readonly [string, HTTPMatchRequest, HTTPMatchRequest, boolean])[] = [
  ["an expression inside of a prefix", { uri: { prefix: "/a" } }, { uri: { regex: "^/a" } }, true],
  ["an expression inside of nothing", {}, { uri: { regex: "^/a" } }, false],
  ["a wider prefix", { uri: { prefix: "/a/b" } }, { uri: { prefix: "/a" } }, true],
  ["a narrower value of a header", { headers: { h: { prefix: "1" } } }, { headers: { h: { exact: "1-2" } } }, false],
  ["a port that isn't given", { port: 80 }, { port: 0 }, false],
  ["another value of a label", { sourceLabels: { a: "b" } }, { sourceLabels: { a: "c" } }, true],
  ["more gateways", { gateways: ["x"] }, { gateways: ["x", "mesh"] }, true],
];
for (const [name, outer, own, want] of conflicts) {
  test(`${name} ${want ? "conflicts" : "goes"}`, () => assert.equal(hasConflict(outer, own), want));
}

test("conditions add up", () => {
  const root = [{ uri: { prefix: "/a" }, headers: { x: { exact: "1" } }, port: 80 }];
  assert.deepEqual(mergeMatches(root, [{ uri: { exact: "/a/b" }, headers: { y: { exact: "2" } } }]), [
    { uri: { exact: "/a/b" }, headers: { x: { exact: "1" }, y: { exact: "2" } }, port: 80 },
  ]);
  assert.equal(mergeMatches(root, [{ uri: { exact: "/a/b" } }, { uri: { exact: "/z" } }]), undefined);
});

test("a delegate's own settings win over those it inherits", () => {
  const route = [{ destination: { host: "a" } }];
  const root = { name: "root", timeout: "1s", retries: { attempts: 1 }, delegate: { name: "d" } };
  assert.deepEqual(mergeRoutes(root, [{ name: "own", timeout: "2s", route }]), [
    { name: "root-own", timeout: "2s", retries: { attempts: 1 }, route },
  ]);
});
