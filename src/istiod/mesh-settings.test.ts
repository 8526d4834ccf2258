import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { readMeshConfig } from "./mesh-settings.ts";

test("what the mesh says is read, the rest is Istio's default", () => {
  const mesh = readMeshConfig(
    { connectTimeout: "2.5s", outboundTrafficPolicy: { mode: "REGISTRY_ONLY" }, accessLogFile: "/dev/stdout" },
    "mesh-system",
  );
  const { connectTimeoutMs, outboundTrafficPolicy, accessLogFile, rootNamespace, ...rest } = mesh;
  assert.deepEqual(
    { connectTimeoutMs, outboundTrafficPolicy, accessLogFile, rootNamespace },
    {
      connectTimeoutMs: 2500,
      outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      accessLogFile: "/dev/stdout",
      rootNamespace: "mesh-system",
    },
  );
  for (const [key, value] of Object.entries(rest))
    assert.deepEqual(value, defaultMeshConfig[key as keyof typeof rest], key);
});

test("a value that can't be used is named", () => {
  assert.throws(
    () => readMeshConfig({ connectTimeout: "soon" }, "x"),
    /mesh: connectTimeout: "soon" is not a duration/,
  );
  assert.throws(() => readMeshConfig({ proxyListenPort: "http" }, "x"), /mesh: proxyListenPort: "http" is not a port/);
  assert.throws(() => readMeshConfig({ trustDomain: 1 }, "x"), /mesh: trustDomain: 1 is not a text/);
});
