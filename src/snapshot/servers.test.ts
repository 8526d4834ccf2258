import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerAuthentication, PeerAuthenticationSpec } from "#api/istio/peer-authentication.ts";
import { bookinfo, keyed, pod, slice } from "#envoy/bookinfo.fixture.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { buildSnapshot } from "./build.ts";
import { withEndpoints } from "./endpoints.ts";
import type { MeshInput } from "./input.ts";
import type { Snapshot } from "./snapshot.ts";

const reviews = "default/reviews.default.svc.cluster.local";
const ratings = "default/ratings.default.svc.cluster.local";
const meshed = { "security.istio.io/tlsMode": "istio" };
const first = pod("reviews-1", "10.0.0.1", { app: "reviews", ...meshed });
const other = pod("ratings-1", "10.0.0.9", { app: "ratings", ...meshed });

function mesh(...pods: readonly ReturnType<typeof pod>[]): MeshInput {
  return bookinfo({
    pods: keyed([...pods, other]),
    endpointSlices: keyed([slice("reviews", pods, 9080), slice("ratings", [other], 9080)]),
  });
}

const changes = { endpointSlices: new Set(["default/reviews-a"]), pods: new Set<string>() };

function withPolicy(before: Snapshot, spec: PeerAuthenticationSpec): Snapshot {
  const policy: PeerAuthentication = {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: "p", namespace: "default" },
    spec,
  };
  const input = { ...before.input, peerAuthentications: keyed([policy]) };
  return buildSnapshot(before, input, { peerAuthentications: new Set(["default/p"]) });
}

test("more pods of an account that is known change endpoints alone; another account changes clusters", () => {
  const before = buildSnapshot(undefined, mesh(first), {});
  assert.deepEqual(before.servers.get(reviews)?.names, ["spiffe://cluster.local/ns/default/sa/bookinfo-reviews"]);
  const same = withEndpoints(before, mesh(first, pod("reviews-2", "10.0.0.2", { app: "reviews", ...meshed })), changes);
  assert.deepEqual([same.full, [...same.hosts]], [false, ["reviews.default.svc.cluster.local"]]);
  assert.equal(same.snapshot.servers, before.servers);
  const stranger = pod("reviews-3", "10.0.0.3", { app: "stranger", ...meshed });
  const { full, snapshot } = withEndpoints(same.snapshot, mesh(first, stranger), changes);
  assert.equal(full, true);
  assert.deepEqual(snapshot.servers.get(reviews)?.names, [
    "spiffe://cluster.local/ns/default/sa/bookinfo-reviews",
    "spiffe://cluster.local/ns/default/sa/bookinfo-stranger",
  ]);
  assert.equal(snapshot.servers.get(ratings), before.servers.get(ratings));
});

test("names hold for the trust domain and for those that stand for it", () => {
  const input = { ...mesh(first), meshConfig: { ...defaultMeshConfig, trustDomainAliases: ["old.example"] } };
  assert.deepEqual(buildSnapshot(undefined, input, {}).servers.get(reviews)?.names, [
    "spiffe://cluster.local/ns/default/sa/bookinfo-reviews",
    "spiffe://old.example/ns/default/sa/bookinfo-reviews",
  ]);
});

test("a policy that forbids mutual TLS on a port changes that port's endpoints, and nobody else's", () => {
  const before = buildSnapshot(undefined, mesh(first), {});
  const selector = { matchLabels: { app: "reviews" } };
  const off = withPolicy(before, { selector, portLevelMtls: { 9080: { mode: "DISABLE" } } });
  assert.equal(off.endpoints.get(reviews)?.[0]?.tlsMode, "disabled");
  assert.equal(off.endpoints.get(ratings), before.endpoints.get(ratings));
  assert.deepEqual(off.servers.get(reviews)?.plainPorts, ["http"]);
  const strict = withPolicy(before, { selector, mtls: { mode: "STRICT" } });
  assert.equal(strict.endpoints, before.endpoints);
  assert.equal(strict.servers, before.servers);
});

test("what is said for a whole namespace is known of its services", () => {
  const before = buildSnapshot(undefined, mesh(first), {});
  assert.equal(before.servers.get(reviews)?.mode, "PERMISSIVE");
  const off = withPolicy(before, { mtls: { mode: "DISABLE" } });
  assert.equal(off.servers.get(reviews)?.mode, "DISABLE");
  const gateway = "istio-system/istio-ingressgateway.istio-system.svc.cluster.local";
  assert.equal(off.servers.get(gateway), before.servers.get(gateway));
});
