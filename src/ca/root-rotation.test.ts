import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelfSignedRoot } from "./certificate.ts";
import { type OwnRoot, planRotation } from "./root-rotation.ts";

const hour = 3_600_000;
/** On a whole second, as certificates have them. */
const start = Math.floor(Date.now() / 1000) * 1000;
const settings = { gracePercent: 20, distributionMs: 60_000, isAutomatic: true };

async function root(): Promise<OwnRoot> {
  const options = { kind: "P-256", lifetimeMs: 100 * hour } as const;
  const { certificatePem, keyPem } = await createSelfSignedRoot("test", new Date(start), options);
  return { certificate: certificatePem, key: keyPem, rotationWanted: false };
}

test("a root is replaced when a fifth of its life is left, and the next one is told before it signs", async () => {
  const current = await root();
  const plan = planRotation(current, start, settings);
  assert.deepEqual(plan, { step: "wait", until: start + 80 * hour });
  assert.deepEqual(planRotation(current, start + 80 * hour, settings), { step: "announce" });
  const since = start + 81 * hour;
  const announced = { ...current, next: { certificate: "x", key: "y", since } };
  assert.deepEqual(planRotation(announced, since, settings), { step: "wait", until: since + 60_000 });
  assert.deepEqual(planRotation(announced, since + 60_000, settings), { step: "promote" });
});

test("a root that ended while no istiod ran is replaced at once", async () => {
  const current = await root();
  const late = start + 200 * hour;
  assert.deepEqual(planRotation(current, late, settings), { step: "announce" });
  const announced = { ...current, next: { certificate: "x", key: "y", since: late } };
  assert.deepEqual(planRotation(announced, late, settings), { step: "promote" });
});

test("who switches rotation off still gets the one he asks for", async () => {
  const current = await root();
  const manual = { ...settings, isAutomatic: false };
  assert.deepEqual(planRotation(current, start + 99 * hour, manual), { step: "wait", until: Number.POSITIVE_INFINITY });
  assert.deepEqual(planRotation({ ...current, rotationWanted: true }, start, manual), { step: "announce" });
});
