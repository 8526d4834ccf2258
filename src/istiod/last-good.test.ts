import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#kube/object.ts";
import { createLastGood } from "./last-good.ts";

function virtualService(weight: number): KubeObject {
  const route = [{ destination: { host: "a" }, weight }];
  const metadata = { name: "a", namespace: "shop" };
  const spec = { hosts: ["a"], http: [{ route }] };
  return { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec } as KubeObject;
}

test("a form with errors is passed over for the last good one until it is repaired or gone", () => {
  const lastGood = createLastGood();
  const [good, bad, repaired] = [virtualService(1), virtualService(-1), virtualService(2)];
  assert.equal(lastGood.choose("shop/a", undefined, good), good);
  assert.equal(lastGood.choose("shop/a", good, bad), good);
  const [problem] = lastGood.problems();
  assert.equal(problem?.resource, "VirtualService shop/a");
  assert.equal(problem.field, "spec.http[0].route[0].weight");
  assert.match(problem.message, /^-1: .*; the last good version stays in effect$/);
  assert.equal(lastGood.choose("shop/a", good, repaired), repaired);
  assert.deepEqual(lastGood.problems(), []);
  lastGood.choose("shop/a", repaired, bad);
  assert.equal(lastGood.choose("shop/a", repaired, undefined), undefined);
  assert.deepEqual(lastGood.problems(), []);
});

test("a form that is the first one is taken as it is", () => {
  const lastGood = createLastGood();
  const bad = virtualService(-1);
  assert.equal(lastGood.choose("shop/a", undefined, bad), bad);
  assert.deepEqual(lastGood.problems(), []);
});
