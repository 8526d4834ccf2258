import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Event } from "kubernetes-types/core/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { createRecorder } from "./events.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";
import { createTokenBuckets } from "./token-buckets.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster();
});
after(() => cluster.stop());

const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "default", uid: "u1" } };
const events = async () => (await cluster.client.list<Event>(resourceTypes.events, { namespace: "default" })).items;

test("an event that repeats counts up; another message is another event", async () => {
  const recorder = createRecorder(cluster.client, "kubelet", "node-1");
  for (let i = 0; i < 3; i++) recorder.event(object, "Warning", "BackOff", "Back-off restarting failed container");
  recorder.event(object, "Normal", "Pulled", "x".repeat(5000));
  const [backOff, pulled] = await cluster.eventually(async () => {
    const all = await events();
    return all.length === 2 && all.some(({ count }) => count === 3) && all.toSorted((a) => (a.count === 3 ? -1 : 1));
  });
  assert.deepEqual(
    [backOff?.reason, backOff?.involvedObject.uid, backOff?.source],
    ["BackOff", "u1", { component: "kubelet", host: "node-1" }],
  );
  assert.match(backOff?.metadata.name ?? "", /^web\.[0-9a-f]{16}$/);
  assert.equal(pulled?.message?.length, 1024);
});

test("an event that was deleted is written anew", async () => {
  const recorder = createRecorder(cluster.client, "test");
  recorder.event(object, "Normal", "Once", "again");
  const first = await cluster.eventually(async () => (await events()).find(({ reason }) => reason === "Once"));
  await cluster.client.delete(resourceTypes.events, { namespace: "default", name: first.metadata.name ?? "" });
  recorder.event(object, "Normal", "Once", "again");
  await cluster.eventually(async () => (await events()).some(({ reason, count }) => reason === "Once" && count === 1));
});

test("one object can't flood the rest: a burst, then a trickle", () => {
  let now = 0;
  const buckets = createTokenBuckets({ burst: 3, refillEveryMs: 100 }, 2, () => now);
  const taken = () => [1, 2, 3, 4].map(() => buckets.take("a")).filter(Boolean).length;
  assert.equal(taken(), 3);
  assert.equal(buckets.take("b"), true);
  now = 100;
  assert.equal(taken(), 1);
});
