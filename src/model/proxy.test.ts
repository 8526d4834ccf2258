import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProxy } from "./proxy.ts";

test("the node id and its metadata make a proxy", () => {
  const proxy = parseProxy({
    id: "sidecar~10.0.0.1~reviews-v1.5.default~default.svc.cluster.local",
    metadata: { NAMESPACE: "default", LABELS: { app: "reviews", bad: 1 }, INSTANCE_IPS: "10.0.0.1,fd00::1" },
  });
  assert.ok(typeof proxy !== "string");
  assert.equal(proxy.name, "reviews-v1.5");
  assert.equal(proxy.namespace, "default");
  assert.deepEqual(proxy.labels, { app: "reviews" });
  assert.deepEqual(proxy.ips, ["10.0.0.1", "fd00::1"]);
});

for (const id of [
  "",
  "sidecar~10.0.0.1~pod.ns",
  "waypoint~10.0.0.1~pod.ns~d",
  "sidecar~~pod.ns~d",
  "sidecar~10.0.0.1~pod~d",
]) {
  test(`node id ${JSON.stringify(id)} is refused with a reason`, () => {
    const reason = parseProxy({ id });
    assert.ok(typeof reason === "string");
    assert.match(reason, /node id/);
  });
}
