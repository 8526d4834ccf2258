import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#kube/object.ts";
import { isRelevant } from "./relevance.ts";

const virtualService = { metadata: { uid: "1", resourceVersion: "1" }, spec: { hosts: ["a"] } } as KubeObject;
const pod = {
  metadata: { uid: "1" },
  status: { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True", lastProbeTime: "1" }] },
} as unknown as KubeObject;

test("a write of status doesn't come back as a push", () => {
  const written = { ...virtualService, metadata: { uid: "1", resourceVersion: "2" }, status: { conditions: [] } };
  assert.equal(isRelevant("virtualServices", virtualService, written), false);
  assert.equal(isRelevant("virtualServices", virtualService, { ...written, spec: { hosts: ["b"] } } as object), true);
  assert.equal(isRelevant("virtualServices", virtualService, { ...written, metadata: { uid: "2" } }), true);
});

test("of a pod's status only what endpoints depend on counts", () => {
  const later = {
    ...pod,
    status: { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True", lastProbeTime: "2" }] },
  };
  assert.equal(isRelevant("pods", pod, later), false);
  assert.equal(isRelevant("pods", pod, { ...later, status: { ...later.status, podIP: "10.0.0.2" } } as object), true);
  assert.equal(isRelevant("pods", pod, { ...pod, metadata: { uid: "1", deletionTimestamp: "now" } }), true);
  assert.equal(isRelevant("pods", pod, undefined), true);
});
