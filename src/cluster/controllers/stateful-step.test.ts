import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatefulSetSpec } from "kubernetes-types/apps/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { statefulStep } from "./stateful-step.ts";

type State = "ready" | "new" | "starting" | "leaving" | "failed";
const pod = (name: string, state: State): Pod => ({
  metadata: {
    name,
    labels: { new: String(state === "new") },
    ...(state === "leaving" ? { deletionTimestamp: "x" } : {}),
  },
  status: {
    phase: state === "failed" ? "Failed" : "Running",
    conditions: [{ type: "Ready", status: state === "starting" || state === "failed" ? "False" : "True" }],
  },
});

function step(spec: Partial<StatefulSetSpec>, states: Record<number, State>) {
  const pods = new Map(Object.entries(states).map(([n, state]) => [Number(n), pod(`web-${n}`, state)]));
  const full = { selector: {}, template: {}, serviceName: "web", ...spec };
  const { create, remove } = statefulStep(full, pods, (one) => one.metadata?.labels?.["new"] === "true", Date.now());
  return [create.join(), remove.map(({ metadata }) => metadata?.name).join()];
}

test("pods come up one after the other, each when its predecessor is ready", () => {
  assert.deepEqual(step({ replicas: 3 }, {}), ["0", ""]);
  assert.deepEqual(step({ replicas: 3 }, { 0: "starting" }), ["", ""]);
  assert.deepEqual(step({ replicas: 3 }, { 0: "new" }), ["1", ""]);
  assert.deepEqual(step({ replicas: 3 }, { 0: "new", 2: "new" }), ["1", ""]);
  assert.deepEqual(step({ replicas: 2 }, { 0: "failed", 1: "new" }), ["", "web-0"]);
});

test("they go down from the top, and not while one below isn't well", () => {
  assert.deepEqual(step({ replicas: 1 }, { 0: "new", 1: "new", 2: "new" }), ["", "web-2"]);
  assert.deepEqual(step({ replicas: 1 }, { 0: "new", 1: "new", 2: "leaving" }), ["", ""]);
  assert.deepEqual(step({ replicas: 1 }, { 0: "starting", 1: "new" }), ["", ""]);
});

test("Parallel does both at once", () => {
  const spec = { podManagementPolicy: "Parallel", replicas: 3 };
  assert.deepEqual(step(spec, { 0: "starting", 4: "new", 5: "new" }), ["1,2", "web-5,web-4"]);
});

test("an update replaces from the top to the partition, one at a time", () => {
  const updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 1 } };
  assert.deepEqual(step({ replicas: 3 }, { 0: "ready", 1: "ready", 2: "ready" }), ["", "web-2"]);
  assert.deepEqual(step({ replicas: 2, updateStrategy }, { 0: "ready", 1: "new" }), ["", ""]);
  assert.deepEqual(step({ replicas: 2, updateStrategy: { type: "OnDelete" } }, { 0: "ready", 1: "ready" }), ["", ""]);
});
