import assert from "node:assert/strict";
import { test } from "node:test";
import { type InjectInput, injectPod } from "./inject.ts";
import { injectionPatch } from "./injection-patch.ts";
import type { InjectablePod } from "./pod.ts";
import { completeInjectValues } from "./values.ts";

const input = (pod: InjectablePod, more: Partial<InjectInput> = {}): InjectInput => ({
  pod,
  namespace: "default",
  values: completeInjectValues({}),
  mesh: { trustDomain: "cluster.local", enablePrometheusMerge: true },
  revision: "default",
  environment: {},
  kubeletVersions: ["v1.32.4"],
  ...more,
});

const reviews = (): InjectablePod => ({
  metadata: {
    generateName: "reviews-v1-5bd6d4d4f5-",
    labels: { app: "reviews", version: "v1", "pod-template-hash": "5bd6d4d4f5" },
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "reviews-v1-5bd6d4d4f5", uid: "u", controller: true },
    ],
  },
  spec: { containers: [{ name: "reviews", image: "docker.io/istio/examples-bookinfo-reviews-v1:1.20" }] },
});

function injected(given: InjectInput): InjectablePod {
  const output = injectPod(given);
  assert.ok(output.kind === "injected", JSON.stringify(output));
  return output.pod;
}

test("below 1.33 the proxy is a container after the application, and istio-init comes before both", () => {
  const { spec, metadata } = injected(input(reviews()));
  assert.deepEqual(
    spec?.containers.map((item) => item.name),
    ["reviews", "istio-proxy"],
  );
  assert.deepEqual(
    spec?.initContainers?.map((item) => item.name),
    ["istio-init"],
  );
  assert.equal(spec?.containers[1]?.image, "docker.io/weft/proxyv2:0.1.0");
  assert.equal(metadata?.labels?.["service.istio.io/canonical-revision"], "v1");
  const env = new Map(spec?.containers[1]?.env?.map((item) => [item.name, item.value]));
  assert.equal(env.get("ISTIO_META_WORKLOAD_NAME"), "reviews-v1");
  assert.equal(env.get("ISTIO_META_OWNER"), "kubernetes://apis/apps/v1/namespaces/default/deployments/reviews-v1");
});

test("a second injection changes nothing", () => {
  const once = injected(input(reviews()));
  assert.deepEqual(injected(input(once)), once);
  assert.deepEqual(injectionPatch(once, injected(input(once))), []);
});

test("the input isn't changed, and the patch carries the difference", () => {
  const pod = reviews();
  const after = injected(input(pod));
  assert.deepEqual(pod, reviews());
  assert.deepEqual(
    injectionPatch(pod, after).map(({ op, path }) => `${op} ${path}`),
    ["replace /metadata/labels", "add /metadata/annotations", "replace /spec"],
  );
});

test("who is left alone, and why", () => {
  const reason = (change: (pod: InjectablePod) => void, more: Partial<InjectInput> = {}): string | undefined => {
    const pod = reviews();
    change(pod);
    const output = injectPod(input(pod, more));
    return output.kind === "skipped" ? output.reason : undefined;
  };
  assert.match(reason((pod) => (pod.spec!.hostNetwork = true)) ?? "", /host networking/);
  assert.match(reason((pod) => (pod.metadata!.labels!["sidecar.istio.io/inject"] = "false")) ?? "", /disabled/);
  assert.match(reason(() => {}, { namespace: "kube-system" }) ?? "", /kube-system/);
  const values = completeInjectValues({
    sidecarInjectorWebhook: {
      neverInjectSelector: [{ matchExpressions: [{ key: "app", operator: "In", values: ["reviews"] }] }],
    },
  });
  assert.match(reason(() => {}, { values }) ?? "", /neverInjectSelector/);
  assert.equal(
    reason((pod) => (pod.metadata!.labels!["sidecar.istio.io/inject"] = "true"), { values }),
    undefined,
  );
});

test("what can't be used is refused with the annotation and its value", () => {
  const pod = reviews();
  pod.metadata!.annotations = { "traffic.sidecar.istio.io/excludeOutboundPorts": "80,http" };
  const output = injectPod(input(pod));
  assert.ok(output.kind === "refused");
  assert.match(output.message, /excludeOutboundPorts.*'80,http'.*'http' is not a port/);
  pod.metadata!.annotations = { "inject.istio.io/templates": "grpc-agent" };
  assert.match(JSON.stringify(injectPod(input(pod))), /grpc-agent.*not supported/);
});

test("probes go through the agent, which learns of the originals with port numbers", () => {
  const pod = reviews();
  Object.assign(pod.spec!.containers[0]!, {
    ports: [{ name: "http", containerPort: 9080 }],
    livenessProbe: { grpc: { port: 9 }, timeoutSeconds: 2 },
    readinessProbe: { httpGet: { port: "http", path: "/health" } },
  });
  const proxy = injected(input(pod)).spec?.containers.find((item) => item.name === "istio-proxy");
  assert.deepEqual(JSON.parse(proxy?.env?.find((item) => item.name === "ISTIO_KUBE_APP_PROBERS")?.value ?? ""), {
    "/app-health/reviews/livez": { grpc: { port: 9, service: null }, timeoutSeconds: 2 },
    "/app-health/reviews/readyz": { httpGet: { port: 9080, path: "/health" } },
  });
});
