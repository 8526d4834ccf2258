import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { buildSnapshot } from "./build.ts";
import { findDestinationPolicy } from "./destination-rules.ts";
import { withEndpoints } from "./endpoints.ts";
import { emptyInput, type MeshInput } from "./input.ts";
import { scopeOf } from "./scope.ts";

const meta = (name: string, namespace = "default", creationTimestamp = "2026-01-01T00:00:00Z") => ({
  name,
  namespace,
  creationTimestamp,
});

function service(name: string, extra: Partial<NonNullable<Service["spec"]>> = {}, namespace = "default"): Service {
  return {
    metadata: meta(name, namespace),
    spec: { clusterIP: "10.0.0.1", ports: [{ name: "http", port: 80 }], ...extra },
  };
}

function slice(name: string, addresses: readonly string[]) {
  return {
    addressType: "IPv4",
    metadata: { ...meta(`${name}-a`), labels: { "kubernetes.io/service-name": name } },
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "http", port: 8080 }],
  };
}

function virtualService(name: string, host: string, created: string): VirtualService {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: meta(name, "default", created),
    spec: { hosts: [host], http: [{ route: [{ destination: { host } }] }] },
  };
}

const base: MeshInput = {
  ...emptyInput(defaultMeshConfig),
  services: new Map([
    ["default/a", service("a")],
    ["default/b", service("b")],
    ["default/h", service("h", { clusterIP: "None" })],
  ]),
  endpointSlices: new Map([
    ["default/a-a", slice("a", ["10.1.0.1"])],
    ["default/b-a", slice("b", ["10.1.0.2"])],
  ]),
};
const keyOf = (name: string): string => `default/${hostOf(name)}`;
const hostOf = (name: string): string => `${name}.default.svc.cluster.local`;

test("what didn't change keeps its identity", () => {
  const first = buildSnapshot(undefined, base, {});
  const input = { ...base, services: new Map([...base.services, ["default/c", service("c")]]) };
  const second = buildSnapshot(first, input, { services: new Set(["default/c"]) });
  assert.equal(second.generation, 2);
  assert.equal(second.services.length, 4);
  assert.equal(
    second.services.find(({ name }) => name === "a"),
    first.services.find(({ name }) => name === "a"),
  );
  assert.equal(second.endpoints.get(keyOf("a")), first.endpoints.get(keyOf("a")));
  assert.equal(second.rules, first.rules);
  assert.equal(second.policies, first.policies);
});

test("an update of a service that changes nothing keeps the list", () => {
  const first = buildSnapshot(undefined, base, {});
  const second = buildSnapshot(first, { ...base }, { services: new Set(["default/a"]) });
  assert.equal(second.services, first.services);
  assert.equal(second.endpoints, first.endpoints);
});

test("the short lane touches the services whose endpoints changed, and no others", () => {
  const first = buildSnapshot(undefined, base, {});
  const input = {
    ...base,
    endpointSlices: new Map([...base.endpointSlices, ["default/a-a", slice("a", ["10.1.0.1", "10.1.0.9"])]]),
  };
  const { snapshot, hosts, full } = withEndpoints(first, input, { endpointSlices: new Set(["default/a-a"]) });
  assert.deepEqual([...hosts], [hostOf("a")]);
  assert.equal(full, false);
  assert.deepEqual(
    snapshot.endpoints.get(keyOf("a"))?.map(({ address }) => address),
    ["10.1.0.1", "10.1.0.9"],
  );
  assert.equal(snapshot.endpoints.get(keyOf("a"))?.[0], first.endpoints.get(keyOf("a"))?.[0]);
  assert.equal(snapshot.endpoints.get(keyOf("b")), first.endpoints.get(keyOf("b")));
  assert.equal(snapshot.services, first.services);
});

test("endpoints of a headless service need more than the short lane", () => {
  const first = buildSnapshot(undefined, base, {});
  const input = {
    ...base,
    endpointSlices: new Map([...base.endpointSlices, ["default/h-a", slice("h", ["10.1.0.5"])]]),
  };
  assert.equal(withEndpoints(first, input, { endpointSlices: new Set(["default/h-a"]) }).full, true);
});

test("a slice that is gone takes its endpoints along", () => {
  const first = buildSnapshot(undefined, base, {});
  const { snapshot, hosts } = withEndpoints(
    first,
    { ...base, endpointSlices: new Map() },
    { endpointSlices: new Set(["default/a-a"]) },
  );
  assert.deepEqual([...hosts], [hostOf("a")]);
  assert.equal(snapshot.endpoints.get(keyOf("a")), undefined);
});

test("a resource that can't be used is left out and named; the others stay", () => {
  const broken = {
    ...virtualService("broken", "a", "2026-01-01T00:00:00Z"),
    spec: { hosts: ["a"], http: "no" } as never,
  };
  const input = {
    ...base,
    virtualServices: new Map([
      ["default/broken", broken],
      ["default/good", virtualService("good", "b", "2026-01-02T00:00:00Z")],
    ]),
  };
  const snapshot = buildSnapshot(undefined, input, {});
  assert.deepEqual(
    snapshot.rules.map(({ name }) => name),
    ["good"],
  );
  assert.deepEqual(
    snapshot.problems.map(({ resource, field }) => [resource, field]),
    [["VirtualService default/broken", "spec.http"]],
  );
});

test("a resource that turns bad keeps its last good version, and a new one of its name doesn't inherit it", () => {
  const good = virtualService("a", "a", "2026-01-01T00:00:00Z");
  const bad = (uid?: string): VirtualService => ({
    ...good,
    metadata: { ...good.metadata, ...(uid ? { uid } : {}) },
    spec: { hosts: ["a"], http: [{ route: [] }] },
  });
  const changes = { virtualServices: new Set(["default/a"]) };
  const first = buildSnapshot(undefined, { ...base, virtualServices: new Map([["default/a", good]]) }, {});
  const second = buildSnapshot(first, { ...base, virtualServices: new Map([["default/a", bad()]]) }, changes);
  assert.equal(second.rules[0], first.rules[0]);
  assert.deepEqual(
    second.problems.map(({ resource }) => resource),
    ["VirtualService default/a"],
  );
  const third = buildSnapshot(second, { ...base, virtualServices: new Map([["default/a", bad("another")]]) }, changes);
  assert.deepEqual(third.rules, []);
});

test("rules come oldest first, whatever order they arrive in", () => {
  const input = {
    ...base,
    virtualServices: new Map([
      ["default/young", virtualService("young", "a", "2026-02-01T00:00:00Z")],
      ["default/b", virtualService("b", "a", "2026-01-01T00:00:00Z")],
      ["default/a", virtualService("a", "a", "2026-01-01T00:00:00Z")],
    ]),
  };
  assert.deepEqual(
    buildSnapshot(undefined, input, {}).rules.map(({ name }) => name),
    ["a", "b", "young"],
  );
});

test("destination rules: subsets add up, the oldest policy wins, the client's namespace comes first", () => {
  const rule = (
    name: string,
    namespace: string,
    created: string,
    subset: string,
    simple: "RANDOM" | "ROUND_ROBIN",
  ) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: meta(name, namespace, created),
    spec: {
      host: hostOf("a"),
      subsets: [{ name: subset, labels: { v: subset } }],
      trafficPolicy: { loadBalancer: { simple } },
    },
  });
  const input = {
    ...base,
    destinationRules: new Map([
      ["default/two", rule("two", "default", "2026-01-02T00:00:00Z", "v2", "RANDOM")],
      ["default/one", rule("one", "default", "2026-01-01T00:00:00Z", "v1", "ROUND_ROBIN")],
      ["other/own", rule("own", "other", "2026-01-03T00:00:00Z", "v3", "RANDOM")],
    ]),
  };
  const snapshot = buildSnapshot(undefined, input, {});
  const target = { hostname: hostOf("a"), namespace: "default" };
  const seen = findDestinationPolicy(snapshot.policies, "elsewhere", target, "istio-system");
  assert.equal(seen?.name, "one");
  assert.deepEqual(
    seen?.subsets.map(({ name }) => name),
    ["v1", "v2"],
  );
  assert.equal(seen?.trafficPolicy?.loadBalancer?.simple, "ROUND_ROBIN");
  assert.equal(findDestinationPolicy(snapshot.policies, "other", target, "istio-system")?.name, "own");
});

test("a service that is exported to its own namespace isn't seen from others", () => {
  const hidden = { ...service("p"), metadata: { ...meta("p"), annotations: { "networking.istio.io/exportTo": "." } } };
  const snapshot = buildSnapshot(
    undefined,
    { ...base, services: new Map([...base.services, ["default/p", hidden]]) },
    {},
  );
  assert.ok(
    scopeOf(snapshot, { namespace: "default", egress: undefined, autoAddresses: [], chosen: [] }).byHost.has(
      hostOf("p"),
    ),
  );
  assert.ok(
    !scopeOf(snapshot, { namespace: "other", egress: undefined, autoAddresses: [], chosen: [] }).byHost.has(
      hostOf("p"),
    ),
  );
});
