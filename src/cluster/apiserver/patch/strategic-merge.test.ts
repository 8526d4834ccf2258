import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinSchema } from "../schema/builtin.ts";
import { PatchError } from "./patch-error.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

const podSpec = builtinSchema("", "v1", "Pod")?.properties?.["spec"];
const deploymentSpec = builtinSchema("apps", "v1", "Deployment")?.properties?.["spec"];
const meta = builtinSchema("", "v1", "Pod")?.properties?.["metadata"];
const patched = (target: unknown, patch: unknown, schema = podSpec) => applyStrategicMerge(target, patch, schema);

test("a list with a merge key is merged, and new items stand in front as Kubernetes puts them", () => {
  const target = { containers: [{ name: "app", image: "a:1", args: ["x", "y"] }] };
  assert.deepEqual(patched(target, { containers: [{ name: "log", image: "l" }] }), {
    containers: [target.containers[0], { name: "log", image: "l" }].reverse(),
  });
  assert.deepEqual(patched(target, { containers: [{ name: "app", image: "a:2", args: ["z"] }] }), {
    containers: [{ name: "app", image: "a:2", args: ["z"] }],
  });
});

test("$setElementOrder, as kubectl apply sends it, places new items", () => {
  const target = { containers: [{ name: "a" }, { name: "injected" }, { name: "b" }] };
  const patch = {
    "$setElementOrder/containers": [{ name: "a" }, { name: "b" }, { name: "c" }],
    containers: [{ name: "c", image: "c" }],
  };
  assert.deepEqual(patched(target, patch), {
    containers: [{ name: "a" }, { name: "injected" }, { name: "b" }, { name: "c", image: "c" }],
  });
  // Nobody knows where an item that only the server has stands against a new one: the new one goes first.
  assert.deepEqual(patched({ containers: [{ name: "a" }, { name: "injected" }] }, patch), {
    containers: [{ name: "a" }, { name: "c", image: "c" }, { name: "injected" }],
  });
});

test("directives delete and replace items, lists and objects", () => {
  const target = { containers: [{ name: "a" }, { name: "b" }], nodeSelector: { x: "1", y: "2" } };
  assert.deepEqual(patched(target, { containers: [{ name: "a", $patch: "delete" }] }), {
    ...target,
    containers: [{ name: "b" }],
  });
  assert.deepEqual(patched(target, { containers: [{ name: "c" }, { $patch: "replace" }] }), {
    ...target,
    containers: [{ name: "c" }],
  });
  assert.deepEqual(patched(target, { nodeSelector: { z: "3", $patch: "replace" } }), {
    ...target,
    nodeSelector: { z: "3" },
  });
  assert.deepEqual(patched(target, { nodeSelector: { $patch: "delete" } }), { ...target, nodeSelector: {} });
  assert.deepEqual(patched(target, { nodeSelector: { x: null } }), { ...target, nodeSelector: { y: "2" } });
  assert.throws(() => patched(target, { nodeSelector: { $patch: "bogus" } }), PatchError);
});

test("lists of scalars: merge, and delete single values", () => {
  const target = { finalizers: ["a", "b"] };
  assert.deepEqual(patched(target, { finalizers: ["b", "c"] }, meta), { finalizers: ["a", "b", "c"] });
  const patch = { "$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["b"] };
  assert.deepEqual(patched(target, patch, meta), { finalizers: ["b"] });
});

test("$retainKeys drops what the new form of a union doesn't list", () => {
  const target = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } };
  const patch = { strategy: { $retainKeys: ["type"], type: "Recreate" } };
  assert.deepEqual(patched(target, patch, deploymentSpec), { strategy: { type: "Recreate" } });
  const volumes = { volumes: [{ name: "v", emptyDir: {} }] };
  const turn = { volumes: [{ $retainKeys: ["name", "configMap"], name: "v", configMap: { name: "c" } }] };
  assert.deepEqual(patched(volumes, turn), { volumes: [{ name: "v", configMap: { name: "c" } }] });
});

test("a list without a merge key, and any list without a schema, is replaced", () => {
  assert.deepEqual(patched({ dnsConfig: { searches: ["a"] } }, { dnsConfig: { searches: ["b"] } }), {
    dnsConfig: { searches: ["b"] },
  });
  assert.deepEqual(applyStrategicMerge({ l: [{ name: "a" }] }, { l: [{ name: "b" }] }, undefined), {
    l: [{ name: "b" }],
  });
});

test("an item without its merge key is refused with the key's name", () => {
  assert.throws(() => patched({ containers: [{ name: "a" }] }, { containers: [{ image: "x" }] }), /merge key: name/);
});
