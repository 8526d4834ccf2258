import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Namespace, Service } from "kubernetes-types/core/v1.d.ts";
import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { WorkloadEntrySpec } from "#api/istio/workload-entry.ts";
import { readMeshNetworks } from "#config/mesh-networks.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { type Proxy, parseProxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import type { MeshInput } from "#snapshot/input.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import { typeUrls } from "#xds/resource.ts";
import { bookinfo, keyed, pod, slice } from "./bookinfo.fixture.ts";
import { generate } from "./generate.ts";

const reviews = "outbound|9080||reviews.default.svc.cluster.local";
const sidecar = { app: "reviews", "security.istio.io/tlsMode": "istio" };

function proxyIn(network: string, metadata: Readonly<Record<string, unknown>> = {}): Proxy {
  const proxy = parseProxy({
    id: "sidecar~10.0.0.10~productpage-v1.default~default.svc.cluster.local",
    metadata: { NETWORK: network, ...metadata },
  });
  assert.ok(typeof proxy !== "string");
  return proxy;
}

/** A Service that leads into a network, at these addresses. */
function leadingTo(
  network: string,
  addresses: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): Service {
  return {
    metadata: {
      name: `into-${network}`,
      namespace: "istio-system",
      labels: { "topology.istio.io/network": network, ...labels },
    },
    spec: { type: "LoadBalancer", clusterIP: "10.96.1.1", ports: [{ name: "tls", port: 15443 }] },
    status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } },
  };
}

function outside(name: string, spec: WorkloadEntrySpec) {
  const kind = { apiVersion: "networking.istio.io/v1", kind: "WorkloadEntry" };
  return { ...kind, metadata: { name, namespace: "default" }, spec: { labels: sidecar, ...spec } };
}

/** Two pods in `one`, of which one has no sidecar, and three workloads in `two`. */
function input(gateways: readonly Service[], changes: Partial<MeshInput> = {}): MeshInput {
  const pods = [
    pod("reviews-a", "10.0.0.1", { ...sidecar, "topology.istio.io/network": "one" }),
    pod("reviews-b", "10.0.0.2", { app: "reviews", "topology.istio.io/network": "one" }),
  ];
  return bookinfo({
    services: new Map([...bookinfo().services, ...keyed(gateways)]),
    pods: keyed(pods),
    endpointSlices: keyed([slice("reviews", pods, 9080)]),
    workloadEntries: keyed([
      // Addresses of other networks may be the same.
      outside("a", { address: "10.0.0.1", network: "two" }),
      outside("b", { address: "10.0.0.3", network: "two", weight: 2, labels: { ...sidecar } }),
      outside("c", { network: "two" }),
    ]),
    ...changes,
  });
}

/** `address:port×weight` of the endpoints that a proxy gets. */
function endpoints(of: MeshInput, proxy: Proxy): string[] {
  const [resource] = generate(proxyView(buildSnapshot(undefined, of, {}), proxy), typeUrls.endpoint, [reviews]);
  assert.ok(resource);
  const assignment = fromBinary(ClusterLoadAssignmentSchema, fromBinary(AnySchema, resource.any).value);
  return assignment.endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.map(({ hostIdentifier, loadBalancingWeight, metadata }) => {
      const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address.value : undefined;
      assert.ok(address && "address" in address);
      const secure = metadata?.filterMetadata["envoy.transport_socket_match"] ? "" : " plain";
      return `${address.address}:${address.portSpecifier.value}×${loadBalancingWeight}${secure}`;
    }),
  );
}

const gateways = [leadingTo("one", ["192.0.2.1"]), leadingTo("two", ["192.0.2.2", "192.0.2.3"])];
const all = ["10.0.0.1:9080×1", "10.0.0.2:9080×1 plain", "10.0.0.1:9080×1", "10.0.0.3:9080×2"];

test("without gateways all is one network", () => {
  assert.deepEqual(endpoints(input([]), proxyIn("one")), all);
  assert.deepEqual(endpoints(input([]), proxyIn("")), all);
});

test("what another network has is called by its gateways, which share its weight", () => {
  const one = endpoints(input(gateways), proxyIn("one"));
  assert.deepEqual(one, ["10.0.0.1:9080×2", "10.0.0.2:9080×2 plain", "192.0.2.2:15443×4", "192.0.2.3:15443×4"]);
});

test("endpoints without mutual TLS can't be reached from other networks", () => {
  assert.deepEqual(endpoints(input(gateways), proxyIn("two")), [
    "10.0.0.1:9080×2",
    "10.0.0.3:9080×4",
    "192.0.2.1:15443×2",
  ]);
  const disabled = {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "plain", namespace: "default" },
    spec: { host: "reviews", trafficPolicy: { tls: { mode: "DISABLE" as const } } },
  };
  const plain = endpoints(input(gateways, { destinationRules: keyed([disabled]) }), proxyIn("two"));
  assert.deepEqual(plain, ["10.0.0.1:9080×2 plain", "10.0.0.3:9080×4 plain"]);
});

test("a proxy whose network isn't known reaches all addresses; a network without a gateway is reached directly", () => {
  assert.equal(endpoints(input(gateways), proxyIn("")).length, 4);
  assert.deepEqual(endpoints(input(gateways.slice(0, 1)), proxyIn("one")), all);
});

test("a proxy may ask for some networks only", () => {
  const asked = { REQUESTED_NETWORK_VIEW: "two" };
  assert.deepEqual(endpoints(input(gateways), proxyIn("one", asked)), ["192.0.2.2:15443×4", "192.0.2.3:15443×4"]);
});

test("a gateway's label says its port", () => {
  const own = leadingTo("two", ["192.0.2.2"], { "networking.istio.io/gatewayPort": "31000" });
  assert.ok(endpoints(input([own]), proxyIn("one")).includes("192.0.2.2:31000×4"));
});

function withNetworks(networks: Readonly<Record<string, unknown>>): Partial<MeshInput> {
  return { meshConfig: { ...defaultMeshConfig, networks: readMeshNetworks({ networks }) } };
}

test("the mesh networks say where addresses are, and gateways", () => {
  const pods = [pod("reviews-a", "10.0.0.1", sidecar), pod("reviews-b", "10.1.0.1", sidecar)];
  const told = {
    pods: keyed(pods),
    endpointSlices: keyed([slice("reviews", pods, 9080)]),
    workloadEntries: new Map(),
  };
  const ranges = withNetworks({
    one: { endpoints: [{ fromCidr: "10.0.0.0/8" }], gateways: [{ address: "192.0.2.1", port: 443 }] },
    two: {
      endpoints: [{ fromCidr: "10.1.0.0/16" }],
      gateways: [
        { address: "192.0.2.2", port: 443 },
        { address: "gateway.example.com", port: 443 },
      ],
    },
  });
  const byRange = input([], { ...told, ...ranges });
  assert.deepEqual(endpoints(byRange, proxyIn("one")), ["10.0.0.1:9080×1", "192.0.2.2:443×1"]);
  assert.deepEqual(endpoints(byRange, proxyIn("two")), ["10.1.0.1:9080×1", "192.0.2.1:443×1"]);

  const gatewayService = { ...leadingTo("", ["192.0.2.9"]) };
  const registries = withNetworks({
    here: {
      endpoints: [{ fromRegistry: "Kubernetes" }],
      gateways: [{ registryServiceName: "into-.istio-system.svc.cluster.local", port: 443 }],
    },
  });
  const byCluster = input([gatewayService], { ...told, ...registries });
  assert.deepEqual(endpoints(byCluster, proxyIn("elsewhere")), ["192.0.2.9:443×2"]);
  assert.equal(endpoints(byCluster, proxyIn("here")).length, 2);
});

test("the root namespace's label is for all that say nothing", () => {
  const root: Namespace = { metadata: { name: "istio-system", labels: { "topology.istio.io/network": "one" } } };
  const pods = [pod("reviews-a", "10.0.0.1", sidecar)];
  const changes = {
    pods: keyed(pods),
    endpointSlices: keyed([slice("reviews", pods, 9080)]),
    workloadEntries: new Map(),
  };
  const before = input(gateways, changes);
  const labelled = { ...before, namespaces: new Map([["istio-system", root]]) };
  assert.deepEqual(endpoints(labelled, proxyIn("two")), ["192.0.2.1:15443×2"]);
  // A label that comes later counts as well.
  const later = buildSnapshot(buildSnapshot(undefined, before, {}), labelled, {
    namespaces: new Set(["istio-system"]),
  });
  assert.equal(later.endpoints.get("default/reviews.default.svc.cluster.local")?.[0]?.network, "one");
});

test("names in the mesh networks that can't be used are refused", () => {
  assert.throws(
    () => readMeshNetworks({ networks: { one: { endpoints: [{ fromCidr: "10.0.0.0/99" }] } } }),
    /networks\.one\.endpoints: "10\.0\.0\.0\/99": must be a range/,
  );
  assert.throws(() => readMeshNetworks({ networks: { one: { gateways: [{ address: "192.0.2.1" }] } } }), /port/);
});
