import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinSchema } from "./builtin.ts";
import type { JSONSchema } from "./json-schema.ts";

function walk(schema: JSONSchema | undefined, path: string): JSONSchema | undefined {
  let at = schema;
  for (const step of path.split(".")) at = step === "[]" ? at?.items : at?.properties?.[step];
  return at;
}

test("a pod's lists carry both kinds of keys", () => {
  const pod = builtinSchema("", "v1", "Pod");
  const containers = walk(pod, "spec.containers");
  assert.equal(containers?.["x-kubernetes-patch-merge-key"], "name");
  assert.equal(containers["x-kubernetes-list-type"], "map");
  assert.deepEqual(walk(containers, "[].ports")?.["x-kubernetes-list-map-keys"], ["containerPort", "protocol"]);
  assert.equal(walk(containers, "[].ports")?.["x-kubernetes-patch-merge-key"], "containerPort");
  assert.equal(walk(pod, "spec.volumes")?.["x-kubernetes-patch-strategy"], "merge,retainKeys");
});

test("a field that only refers to a definition keeps its own marks", () => {
  const deployment = builtinSchema("apps", "v1", "Deployment");
  const strategy = walk(deployment, "spec.strategy");
  assert.equal(strategy?.["x-kubernetes-patch-strategy"], "retainKeys");
  assert.equal(walk(strategy, "rollingUpdate.maxSurge")?.["x-kubernetes-int-or-string"], true);
  assert.equal(walk(deployment, "spec.template.spec"), walk(builtinSchema("", "v1", "Pod"), "spec"));
});

test("the schema of schemas contains itself", () => {
  const crd = builtinSchema("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
  const props = walk(crd, "spec.versions.[].schema.openAPIV3Schema");
  assert.equal(props?.properties?.["not"], props);
  assert.deepEqual(props?.properties?.["default"], { "x-kubernetes-preserve-unknown-fields": true });
});

test("every group that the cluster serves is there", () => {
  for (const [group, version, kind] of [
    ["batch", "v1", "CronJob"],
    ["discovery.k8s.io", "v1", "EndpointSlice"],
    ["autoscaling", "v1", "HorizontalPodAutoscaler"],
    ["autoscaling", "v2", "HorizontalPodAutoscaler"],
    ["policy", "v1", "PodDisruptionBudget"],
    ["rbac.authorization.k8s.io", "v1", "ClusterRole"],
    ["networking.k8s.io", "v1", "Ingress"],
    ["coordination.k8s.io", "v1", "Lease"],
    ["admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration"],
    ["authentication.k8s.io", "v1", "TokenReview"],
    ["authorization.k8s.io", "v1", "SelfSubjectAccessReview"],
    ["storage.k8s.io", "v1", "StorageClass"],
    ["scheduling.k8s.io", "v1", "PriorityClass"],
  ] as const)
    assert.ok(builtinSchema(group, version, kind)?.properties, `${group}/${version} ${kind}`);
  assert.equal(builtinSchema("networking.istio.io", "v1", "Gateway"), undefined);
});
