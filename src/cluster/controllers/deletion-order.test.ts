import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { inDeletionOrder } from "./deletion-order.ts";

const now = Date.parse("2026-03-01T10:00:00Z");
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

interface Facts {
  readonly node?: boolean;
  readonly phase?: string;
  readonly ready?: number;
  readonly cost?: number;
  readonly restarts?: number;
  readonly age?: number;
}

const pod = (name: string, { node = true, phase = "Running", ready, cost, restarts = 0, age = 1000 }: Facts): Pod => ({
  metadata: {
    name,
    uid: name,
    creationTimestamp: ago(age),
    annotations: cost === undefined ? {} : { "controller.kubernetes.io/pod-deletion-cost": String(cost) },
  },
  spec: { containers: [], ...(node ? { nodeName: "n" } : {}) },
  status: {
    phase,
    containerStatuses: [{ restartCount: restarts } as never],
    conditions: ready === undefined ? [] : [{ type: "Ready", status: "True", lastTransitionTime: ago(ready) }],
  },
});

test("those that serve least go first", () => {
  const kept = [
    pod("unplaced", { node: false, phase: "Pending" }),
    pod("pending", { phase: "Pending" }),
    pod("not-ready", {}),
    pod("cheap", { ready: 900, cost: -5 }),
    pod("fresh", { ready: 5 }),
    pod("restarted", { ready: 900, restarts: 3 }),
    pod("young", { ready: 900, age: 950 }),
    pod("old", { ready: 900, age: 9000 }),
  ];
  const order = inDeletionOrder(kept.toReversed(), now).map(({ metadata }) => metadata?.name);
  assert.deepEqual(
    order,
    kept.map(({ metadata }) => metadata?.name),
  );
});
