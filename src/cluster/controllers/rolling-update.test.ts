import assert from "node:assert/strict";
import { test } from "node:test";
import { proportionalScale, type RolloutSet, rollingUpdateStep, rolloutLimits } from "./rolling-update.ts";

const set = (name: string, replicas: number, availableReplicas = replicas, created = 0): RolloutSet => ({
  name,
  replicas,
  availableReplicas,
  created,
});
const step = (map: ReadonlyMap<string, number>) => Object.fromEntries(map);

test("limits: surge rounds up, unavailable down, never both zero", () => {
  const limits = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
    rolloutLimits({ replicas, strategy: { rollingUpdate: { maxSurge, maxUnavailable } } });
  assert.deepEqual(limits(1, "25%", "25%"), { surge: 1, unavailable: 0 });
  assert.deepEqual(limits(10, "25%", "25%"), { surge: 3, unavailable: 2 });
  assert.deepEqual(limits(3, 0, "10%"), { surge: 0, unavailable: 1 });
  assert.deepEqual(limits(2, 1, 5), { surge: 1, unavailable: 2 });
});

test("a rollout of one replica: the new pod comes first, the old one goes when the new one serves", () => {
  const limits = { surge: 1, unavailable: 0 };
  assert.deepEqual(step(rollingUpdateStep(1, limits, set("new", 0), [set("old", 1)])), { new: 1 });
  assert.deepEqual(step(rollingUpdateStep(1, limits, set("new", 1, 0), [set("old", 1)])), {});
  assert.deepEqual(step(rollingUpdateStep(1, limits, set("new", 1), [set("old", 1)])), { old: 0 });
  assert.deepEqual(step(rollingUpdateStep(1, limits, set("new", 1), [set("old", 0)])), {});
});

test("old pods that don't serve go first, and never more than may be missing", () => {
  const limits = { surge: 3, unavailable: 2 };
  const old = [set("a", 6, 6, 1), set("b", 4, 1, 2)];
  // 13 pods with 3 new that don't serve yet: of the 10 old ones the 3 broken ones are above what must be there.
  assert.deepEqual(step(rollingUpdateStep(10, limits, set("new", 3, 0), old)), { b: 2 });
  assert.deepEqual(step(rollingUpdateStep(10, limits, set("new", 3, 3), [set("a", 10, 10, 1)])), { a: 5 });
});

test("both limits hold in every state that a rollout can reach", () => {
  for (const [desired, limits] of [
    [5, { surge: 2, unavailable: 1 }],
    [4, { surge: 0, unavailable: 1 }],
    [3, { surge: 1, unavailable: 0 }],
  ] as const) {
    let next = set("new", 0);
    let old = set("old", desired);
    for (let turn = 0; turn < 100 && !(old.replicas === 0 && next.availableReplicas === desired); turn++) {
      for (const [name, replicas] of rollingUpdateStep(desired, limits, next, [old]))
        if (name === "new") next = { ...next, replicas };
        else old = { ...old, replicas, availableReplicas: Math.min(old.availableReplicas, replicas) };
      assert.ok(next.replicas + old.replicas <= desired + limits.surge);
      assert.ok(next.availableReplicas + old.availableReplicas >= desired - limits.unavailable);
      if (next.availableReplicas < next.replicas) next = { ...next, availableReplicas: next.availableReplicas + 1 };
    }
    assert.deepEqual([next.replicas, old.replicas], [desired, 0]);
  }
});

test("scaling in the middle of a rollout is in proportion, the sum exact", () => {
  const limits = { surge: 3, unavailable: 2 };
  const sizes = step(proportionalScale(20, limits, [set("new", 5, 3, 2), set("old", 8, 8, 1)]));
  assert.equal((sizes["new"] ?? 0) + (sizes["old"] ?? 0), 23);
  assert.ok((sizes["old"] ?? 0) > (sizes["new"] ?? 0));
  assert.deepEqual(step(proportionalScale(7, limits, [set("new", 5), set("old", 0)])), { new: 7 });
});
