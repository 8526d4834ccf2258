import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLocality } from "#model/locality.ts";
import type { Endpoint } from "#model/service.ts";
import { byLocality, type LocalityRules, localityRules, placeGroups, zoneAwareness } from "./locality-groups.ts";

function endpoint(locality: string, labels: Record<string, string> = {}): Endpoint {
  return {
    address: "10.0.0.1",
    port: 80,
    portName: "http",
    labels,
    locality: parseLocality(locality),
    weight: 1,
    namespace: "default",
    workload: "a",
    serviceAccount: "a",
    node: "n",
    isChecked: true,
    network: "",
    tlsMode: "disabled",
  };
}

const none: LocalityRules = { distribute: [], failover: [], failoverPriority: [] };

function placed(
  endpoints: readonly Endpoint[],
  rules: Partial<LocalityRules>,
  at = "r1/z1/s1",
  labels: Record<string, string> = {},
): readonly string[] {
  const place = { locality: parseLocality(at), labels, node: "n", network: "" };
  return placeGroups(byLocality(endpoints), { ...none, ...rules }, place, "Kubernetes").map(
    ({ locality, weight, priority }) => `${locality.region}/${locality.zone}/${locality.subzone} ${weight}@${priority}`,
  );
}

const near = ["r1/z1/s1", "r1/z1/s2", "r1/z2/s1", "r2/z1/s1", "r3/z1/s1"].map((locality) => endpoint(locality));

test("the nearest come first, without gaps between priorities", () => {
  const all = ["r1/z1/s1 1@0", "r1/z1/s2 1@1", "r1/z2/s1 1@2", "r2/z1/s1 1@3", "r3/z1/s1 1@3"];
  assert.deepEqual(placed(near, {}), all);
  assert.deepEqual(placed(near.slice(2), {}), ["r1/z2/s1 1@0", "r2/z1/s1 1@1", "r3/z1/s1 1@1"]);
});

test("a region's failover comes before other regions", () => {
  assert.deepEqual(placed(near.slice(2), { failover: [{ from: "r1", to: "r3" }] }), [
    "r1/z2/s1 1@0",
    "r2/z1/s1 1@2",
    "r3/z1/s1 1@1",
  ]);
});

test("shares go to the localities that are named, and the rest gets nothing", () => {
  const distribute = [{ from: "r1/z1/*", to: { "r1/z1/*": 70, "r1/z2/*": 30 } }];
  assert.deepEqual(placed(near, { distribute }), ["r1/z1/s1 35@0", "r1/z1/s2 35@0", "r1/z2/s1 30@0"]);
  assert.deepEqual(placed(near.slice(0, 1), { distribute }, "r9/z9/s9"), ["r1/z1/s1 1@0"]);
});

test("labels split a locality, in their order", () => {
  const versions = [
    endpoint("r1/z1/s1", { version: "v1" }),
    endpoint("r1/z1/s1", { version: "v2" }),
    endpoint("r2/z1/s1", { version: "v1" }),
  ];
  const failoverPriority = ["topology.kubernetes.io/region", "version"];
  const own = { version: "v1" };
  assert.deepEqual(placed(versions, { failoverPriority }, "r1/z1/s1", own), [
    "r1/z1/s1 1@0",
    "r1/z1/s1 1@1",
    "r2/z1/s1 1@2",
  ]);
  assert.deepEqual(placed(versions, { failoverPriority: ["version=v2"] }, "r1/z1/s1", own), [
    "r1/z1/s1 1@0",
    "r1/z1/s1 1@1",
    "r2/z1/s1 1@1",
  ]);
});

test("there is no failover without outlier detection, but there are shares", () => {
  const distribute = [{ from: "*", to: { "*": 100 } }];
  assert.equal(localityRules({}, { localityLbSetting: { enabled: true } }), undefined);
  assert.equal(localityRules({ outlierDetection: {} }, { localityLbSetting: { enabled: false } }), undefined);
  assert.deepEqual(localityRules({ outlierDetection: {} }, { localityLbSetting: { enabled: true } }), none);
  const own = { loadBalancer: { localityLbSetting: { distribute } } };
  assert.deepEqual(localityRules(own, { localityLbSetting: { enabled: false } }), { ...none, distribute });
});

test("a service that prefers what is near needs no outlier detection, and a rule for it comes first", () => {
  const near = localityRules({}, { localityLbSetting: { enabled: true } }, "PreferSameZone");
  assert.ok(near);
  assert.deepEqual(placed([endpoint("r1/z1/s2"), endpoint("r1/z2/s1"), endpoint("r2/z1/s1")], near), [
    "r1/z1/s2 1@0",
    "r1/z2/s1 1@1",
    "r2/z1/s1 1@2",
  ]);
  assert.equal(
    localityRules(
      { loadBalancer: { localityLbSetting: { enabled: false } } },
      { localityLbSetting: {} },
      "PreferSameZone",
    ),
    undefined,
  );
});

test("where zones are Envoy's to look at, regions alone tell endpoints apart, below what labels say", () => {
  const zoneAwareLbSetting = { enabled: true };
  const rules = localityRules({ loadBalancer: { zoneAwareLbSetting } }, { localityLbSetting: {} });
  assert.deepEqual(rules, { ...none, byRegion: true });
  assert.deepEqual(placed(near, { byRegion: true }), [
    "r1/z1/s1 1@0",
    "r1/z1/s2 1@0",
    "r1/z2/s1 1@0",
    "r2/z1/s1 1@1",
    "r3/z1/s1 1@1",
  ]);
  const failover = [{ from: "r1", to: "r3" }];
  assert.deepEqual(placed(near.slice(2), { byRegion: true, failover }), [
    "r1/z2/s1 1@0",
    "r2/z1/s1 1@2",
    "r3/z1/s1 1@1",
  ]);
  const versions = [endpoint("r1/z1/s1", { version: "v1" }), endpoint("r2/z1/s1", { version: "v2" })];
  assert.deepEqual(placed(versions, { byRegion: true, failoverPriority: ["version=v2"] }), [
    "r1/z1/s1 1@1",
    "r2/z1/s1 1@0",
  ]);
});

test("the mesh's zones give way to what a service or a rule for it says", () => {
  const mesh = { localityLbSetting: { enabled: true }, zoneAwareLbSetting: { minClusterSize: 3 } };
  assert.equal(zoneAwareness(undefined, mesh)?.minClusterSize, 3);
  assert.equal(zoneAwareness({ zoneAwareLbSetting: { minClusterSize: 4 } }, mesh)?.minClusterSize, 4);
  assert.equal(zoneAwareness({ zoneAwareLbSetting: { enabled: false } }, mesh), undefined);
  assert.equal(zoneAwareness({ localityLbSetting: {} }, mesh), undefined);
  assert.equal(zoneAwareness(undefined, mesh, "PreferSameZone"), undefined);
});
