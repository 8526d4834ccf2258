import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { readMeshConfig } from "./mesh-config.ts";

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

test("settings of traffic are read as Istio writes them", () => {
  const mesh = readMeshConfig(
    {
      pathNormalization: { normalization: "MERGE_SLASHES" },
      inboundTrafficPolicy: { mode: "LOCALHOST" },
      tcpKeepalive: { time: "60s", probes: 3 },
      zoneAwareLbSetting: { enabled: true, minClusterSize: 2 },
      defaultHttpRetryPolicy: { attempts: 0 },
      discoverySelectors: [{ matchLabels: { mesh: "yes" } }],
      serviceSettings: [{ settings: { clusterLocal: true }, hosts: ["*.a.svc.cluster.local"] }],
      protocolDetectionTimeout: "0s",
      h2UpgradePolicy: "UPGRADE",
      outboundTrafficPolicy: { mode: "ALLOW_ANY_DYNAMIC_DNS" },
      somethingElse: true,
    },
    "istio-system",
  );
  assert.deepEqual(
    [mesh.pathNormalization, mesh.inboundTrafficMode, mesh.tcpKeepalive, mesh.defaultHttpRetryPolicy],
    ["MERGE_SLASHES", "LOCALHOST", { time: "60s", probes: 3 }, { attempts: 0 }],
  );
  assert.deepEqual(mesh.zoneAwareLbSetting, { enabled: true, minClusterSize: 2 });
  assert.deepEqual(mesh.outboundTrafficPolicy, { mode: "ALLOW_ANY", byHostName: true });
  assert.deepEqual(mesh.serviceSettings, [{ hosts: ["*.a.svc.cluster.local"], clusterLocal: true }]);
  assert.deepEqual(mesh.discoverySelectors, [{ matchLabels: { mesh: "yes" } }]);
  assert.deepEqual([mesh.protocolDetectionTimeoutMs, mesh.h2Upgrade], [0, true]);
});

test("extension providers' numbers may be texts, and kinds that aren't known stay", () => {
  const { extensionProviders } = readMeshConfig(
    {
      extensionProviders: [
        { name: "grpc", envoyExtAuthzGrpc: { service: "a.b", port: "9000" } },
        { name: "http", envoyExtAuthzHttp: { port: 8000, includeRequestBodyInCheck: { maxRequestBytes: "4096" } } },
        { name: "other", zipkin: { service: "z" } },
      ],
    },
    "x",
  );
  assert.deepEqual(extensionProviders, [
    { name: "grpc", envoyExtAuthzGrpc: { service: "a.b", port: 9000 } },
    { name: "http", envoyExtAuthzHttp: { port: 8000, includeRequestBodyInCheck: { maxRequestBytes: 4096 } } },
    { name: "other", zipkin: { service: "z" } },
  ]);
});

test("a value that can't be used is named", () => {
  assert.throws(() => readMeshConfig({ connectTimeout: "soon" }, "x"), /mesh\.connectTimeout: "soon": must match/);
  assert.throws(
    () => readMeshConfig({ proxyListenPort: "http" }, "x"),
    /mesh\.proxyListenPort: "http": must be an integer/,
  );
  assert.throws(
    () => readMeshConfig({ pathNormalization: { normalization: "SOME" } }, "x"),
    /mesh\.pathNormalization\.normalization: "SOME": must be one of DEFAULT/,
  );
  assert.throws(() => readMeshConfig({ trustDomain: 1 }, "x"), /mesh\.trustDomain: 1: must be a string/);
});
