import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { fieldValue, resourceValue } from "./downward.ts";

const facts = { podIp: "10.0.0.1", hostIp: "10.0.0.2", capacity: { cpu: 2, memory: 8 * 2 ** 30, storage: 0 } };

test("fields of the pod", () => {
  const pod: Pod = { metadata: { name: "p", labels: { b: '"q"', a: "1" } }, spec: { containers: [] } };
  assert.equal(fieldValue(pod, "metadata.labels", facts), 'a="1"\nb="\\"q\\""');
  assert.equal(fieldValue(pod, "metadata.labels['a']", facts), "1");
  assert.equal(fieldValue(pod, "spec.serviceAccountName", facts), "default");
  assert.equal(fieldValue(pod, "status.podIP", facts), "10.0.0.1");
  assert.equal(fieldValue(pod, "spec.nodeSelector", facts), undefined);
});

test("resources are rounded up to whole divisors; a limit that isn't set is the machine's", () => {
  const container = { name: "c", resources: { limits: { cpu: "250m" }, requests: { memory: "100Mi" } } };
  const of = (resource: string, divisor?: string): string | undefined =>
    resourceValue(container, { resource, ...(divisor ? { divisor } : {}) }, facts.capacity);
  assert.equal(of("limits.cpu"), "1");
  assert.equal(of("limits.cpu", "1m"), "250");
  assert.equal(of("limits.memory", "1Gi"), "8");
  assert.equal(of("requests.memory", "1Mi"), "100");
  assert.equal(of("limits.wings"), undefined);
});
