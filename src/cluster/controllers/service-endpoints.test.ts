import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import { endpointSubsets, sliceContents } from "./service-endpoints.ts";

const service = (spec: Service["spec"] = {}): Service => ({
  metadata: { name: "web", namespace: "a" },
  spec: { ports: [{ name: "http", port: 80, targetPort: "web", appProtocol: "http2" }], ...spec },
});

interface Facts {
  readonly ready?: boolean;
  readonly leaving?: boolean;
  readonly port?: number;
  readonly phase?: string;
  readonly ip?: string;
}

const pod = (
  name: string,
  { ready = true, leaving = false, port = 8080, phase = "Running", ip = "10.0.0.1" }: Facts,
): Pod => ({
  metadata: { name, namespace: "a", uid: name, ...(leaving ? { deletionTimestamp: "x" } : {}) },
  spec: {
    nodeName: "n",
    hostname: name,
    subdomain: "web",
    containers: [{ name: "m", ports: [{ name: "web", containerPort: port }] }],
  },
  status: { phase, podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
});

test("ready, serving and terminating by the pod's state", () => {
  const pods = [
    pod("ready", {}),
    pod("starting", { ready: false }),
    pod("draining", { leaving: true }),
    pod("done", { phase: "Succeeded" }),
    pod("unplaced", { ip: "" }),
  ];
  const conditions = (spec?: Service["spec"]) =>
    Object.fromEntries(
      (sliceContents(service(spec), pods)[0]?.endpoints ?? []).map((e) => [
        e.targetRef?.name,
        Object.values(e.conditions ?? {}),
      ]),
    );
  assert.deepEqual(conditions(), {
    ready: [true, true, false],
    starting: [false, false, false],
    draining: [false, true, true],
  });
  assert.deepEqual(conditions({ publishNotReadyAddresses: true })["starting"], [true, true, false]);
});

test("a named port is the pod's own; pods that differ are in slices of their own", () => {
  const slices = sliceContents(service(), [pod("a", {}), pod("b", { port: 9090 })]);
  assert.deepEqual(
    slices.map(({ ports }) => ports),
    [8080, 9090].map((port) => [{ name: "http", port, protocol: "TCP", appProtocol: "http2" }]),
  );
  assert.equal(slices[0]?.endpoints[0]?.hostname, "a");
});

test("no pod: one empty slice; many pods: slices of a hundred", () => {
  assert.deepEqual(sliceContents(service(), []), [{ addressType: "IPv4", ports: [], endpoints: [] }]);
  const many = Array.from({ length: 230 }, (_, i) => pod(`p${i}`, {}));
  assert.deepEqual(
    sliceContents(service(), many).map(({ endpoints }) => endpoints.length),
    [100, 100, 30],
  );
});

test("Endpoints keep those apart that don't serve, and leave out who is leaving", () => {
  const [subset, more] = endpointSubsets(service(), [
    pod("a", {}),
    pod("b", { ready: false }),
    pod("c", { leaving: true }),
  ]);
  assert.deepEqual([subset?.addresses?.length, subset?.notReadyAddresses?.length, more], [1, 1, undefined]);
});
