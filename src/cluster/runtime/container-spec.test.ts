import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import { capabilitiesOf, capabilityNames } from "./capabilities.ts";
import { identityOf, identityProblem } from "./identity.ts";
import { qosClassOf, resourcesOf } from "./resources.ts";

const image = { entrypoint: [], command: [], env: {}, workingDir: "/", uid: 100, gid: 101 };
const users = [{ uid: 1000, gid: 1001, home: "/home/u" }];
const podOf = (containers: Container[], securityContext: object = {}): Pod => ({
  spec: { containers, securityContext },
});

test("capabilities: the default ones, less, more, all; never one that the host doesn't give", () => {
  const all = capabilityNames((1n << 41n) - 1n);
  assert.equal(all.length, 41);
  const of = (context: object, available = all): string[] => [...capabilitiesOf(context, available).effective].sort();
  assert.equal(of({}).length, 14);
  assert.deepEqual(of({ capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "cap_net_raw"] } }), [
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
  ]);
  assert.ok(!of({ capabilities: { drop: ["NET_RAW"] } }).includes("CAP_NET_RAW"));
  assert.equal(of({ capabilities: { add: ["ALL"] } }).length, 41);
  const without = all.filter((name) => name !== "SYS_RESOURCE");
  assert.equal(of({ privileged: true }, without).length, 40);
  assert.deepEqual(capabilityNames(1n << 12n), ["NET_ADMIN"]);
});

test("who a container runs as", () => {
  const of = (container: object, pod: object = {}): number[] => {
    const identity = identityOf(podOf([], pod), { name: "c", ...container }, image, users);
    return [identity.uid, identity.gid, ...identity.additionalGids];
  };
  assert.deepEqual(of({}), [100, 101], "the image's");
  assert.deepEqual(of({}, { runAsUser: 1000, fsGroup: 7, supplementalGroups: [8] }), [1000, 1001, 8, 7]);
  assert.deepEqual(of({ securityContext: { runAsUser: 1337, runAsGroup: 1337 } }, { runAsUser: 1000 }), [1337, 1337]);
  const root = { uid: 0, gid: 0, additionalGids: [], home: "/" };
  const container = { name: "c", securityContext: { runAsNonRoot: true } };
  assert.match(identityProblem(podOf([container]), container, root) ?? "", /container c has runAsNonRoot/);
});

test("limits, requests and the class they give", () => {
  const container = { name: "c", resources: { limits: { cpu: "250m", memory: "1Gi" }, requests: { cpu: "100m" } } };
  const { cpu, memory } = resourcesOf(container);
  assert.deepEqual(
    { cpu, memory },
    { cpu: { shares: 102, quota: 25_000, period: 100_000 }, memory: { limit: 2 ** 30 } },
  );
  assert.equal(resourcesOf({ name: "c" }).cpu.shares, 2);
  assert.equal(qosClassOf(podOf([container])), "Burstable");
  assert.equal(qosClassOf(podOf([{ name: "c" }])), "BestEffort");
  assert.equal(qosClassOf(podOf([{ name: "c", resources: { limits: { cpu: "1", memory: "1Mi" } } }])), "Guaranteed");
});
