import assert from "node:assert/strict";
import { test } from "node:test";
import { type Proxy, parseProxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { withEndpoints } from "#snapshot/endpoints.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import { nameSet } from "#xds/name-set.ts";
import { typeUrls } from "#xds/resource.ts";
import type { ResourceSet } from "#xds/resource-set.ts";
import { bookinfo, keyed, pod, productpageProxy, slice, virtualService } from "./bookinfo.fixture.ts";
import { securityFilters } from "./filters/security-filters.ts";
import { generateSet } from "./generate.ts";
import { sidecarRoutes } from "./routes/sidecar.ts";

/* What didn't change, and what several proxies have in common, is the same object: the stream then has nothing to compare. */

const reviews = "reviews.default.svc.cluster.local";
const asked = {
  [typeUrls.cluster]: undefined,
  [typeUrls.endpoint]: nameSet(
    ["ratings", "reviews"].map((name) => `outbound|9080||${name}.default.svc.cluster.local`),
  ),
  [typeUrls.listener]: undefined,
  [typeUrls.route]: nameSet(["9080", "guess.default.svc.cluster.local:7000"]),
} as const;

function sidecar(id: string, labels: Readonly<Record<string, string>> = {}): Proxy {
  const proxy = parseProxy({ id, metadata: { LABELS: labels } });
  assert.ok(typeof proxy !== "string");
  return proxy;
}

function sets(snapshot: Snapshot, proxy: Proxy): Record<string, ResourceSet> {
  const view = proxyView(snapshot, proxy);
  return Object.fromEntries(Object.entries(asked).map(([type, names]) => [type, generateSet(view, type, names)]));
}

const timeout = (seconds: number) =>
  virtualService("reviews", {
    hosts: ["reviews"],
    http: [{ route: [{ destination: { host: "reviews" } }], timeout: `${seconds}s` }],
  });

test("a VirtualService that changes leaves all but its own route table the same objects", () => {
  const input = bookinfo({ virtualServices: keyed([timeout(1)]) });
  const before = buildSnapshot(undefined, input, {});
  const changed = { ...input, virtualServices: keyed([timeout(2)]) };
  const after = buildSnapshot(before, changed, { virtualServices: new Set(["default/reviews"]) });
  const [old, now] = [sets(before, productpageProxy), sets(after, productpageProxy)];
  for (const type of [typeUrls.cluster, typeUrls.listener, typeUrls.endpoint]) {
    assert.equal(now[type]?.shared, old[type]?.shared, type);
    assert.deepEqual(now[type]?.own, old[type]?.own);
    now[type]?.own.forEach((resource, index) => {
      assert.equal(resource, old[type]?.own[index], `${type} ${resource.name}`);
    });
  }
  const [table, other] = now[typeUrls.route]?.shared ?? [];
  const [oldTable, sameOther] = old[typeUrls.route]?.shared ?? [];
  assert.ok(other);
  assert.equal(other, sameOther);
  assert.notEqual(table?.version, oldTable?.version);
  const hosts = (snapshot: Snapshot) =>
    new Map(
      sidecarRoutes(proxyView(snapshot, productpageProxy), "9080")?.virtualHosts.map((host) => [host.name, host]),
    );
  const [oldHosts, newHosts] = [hosts(before), hosts(after)];
  for (const [name, host] of newHosts) assert.equal(oldHosts.get(name) === host, name !== `${reviews}:9080`, name);
});

test("a change that comes back gives what there was, object for object", () => {
  const input = bookinfo({ virtualServices: keyed([timeout(1)]) });
  const first = buildSnapshot(undefined, input, {});
  const kept = sets(first, productpageProxy);
  const again = buildSnapshot(
    first,
    { ...input, virtualServices: keyed([timeout(1)]) },
    {
      virtualServices: new Set(["default/reviews"]),
    },
  );
  const now = sets(again, productpageProxy);
  for (const type of Object.keys(asked)) assert.equal(now[type]?.shared, kept[type]?.shared, type);
});

test("endpoints that change leave the others the same, and lists that don't have them", () => {
  const input = bookinfo();
  const before = buildSnapshot(undefined, input, {});
  const old = sets(before, productpageProxy);
  const only = nameSet([`outbound|9080||ratings.default.svc.cluster.local`]);
  const others = generateSet(proxyView(before, productpageProxy), typeUrls.endpoint, only);
  const moved = pod("reviews-v4", "10.0.0.4", { app: "reviews", version: "v4" });
  const endpointSlices = new Map([...input.endpointSlices, ["default/reviews-a", slice("reviews", [moved], 9080)]]);
  const { snapshot } = withEndpoints(
    before,
    { ...input, endpointSlices },
    {
      endpointSlices: new Set(["default/reviews-a"]),
    },
  );
  const now = sets(snapshot, productpageProxy);
  const scratch = buildSnapshot(undefined, { ...input, endpointSlices }, {});
  assert.deepEqual(now[typeUrls.endpoint]?.shared, sets(scratch, productpageProxy)[typeUrls.endpoint]?.shared);
  const [ratings, changed] = now[typeUrls.endpoint]?.shared ?? [];
  assert.equal(ratings, old[typeUrls.endpoint]?.shared[0]);
  assert.notEqual(changed, old[typeUrls.endpoint]?.shared[1]);
  assert.equal(generateSet(proxyView(snapshot, productpageProxy), typeUrls.endpoint, only).shared, others.shared);
});

test("proxies of all namespaces share one list of clusters, listeners and endpoints", () => {
  const snapshot = buildSnapshot(undefined, bookinfo(), {});
  const one = sets(snapshot, productpageProxy);
  const other = sets(snapshot, sidecar("sidecar~10.0.9.9~client.other~other.svc.cluster.local"));
  for (const type of [typeUrls.cluster, typeUrls.listener, typeUrls.endpoint])
    assert.equal(one[type]?.shared, other[type]?.shared, type);
});

test("clients that a rule tells apart share what those like them get", () => {
  const rule = virtualService("reviews", {
    hosts: ["reviews"],
    http: [
      { match: [{ sourceLabels: { tier: "a" } }], fault: { abort: { httpStatus: 500, percentage: { value: 100 } } } },
      { route: [{ destination: { host: "reviews" } }] },
    ].map((http) => ({ route: [{ destination: { host: "reviews" } }], ...http })),
  });
  const snapshot = buildSnapshot(undefined, bookinfo({ virtualServices: keyed([rule]) }), {});
  const table = (name: string, labels: Readonly<Record<string, string>>) =>
    sets(snapshot, sidecar(`sidecar~10.0.9.9~${name}.default~default.svc.cluster.local`, labels))[typeUrls.route]
      ?.shared;
  assert.equal(table("x", { tier: "a" }), table("y", { tier: "a", app: "y" }));
  assert.equal(table("z", {}), table("w", { tier: "b" }));
  assert.notEqual(table("x", { tier: "a" }), table("z", {}));
});

test("what pods of a service take in is the same for all of them, also after a change of something else", () => {
  const input = bookinfo({ virtualServices: keyed([timeout(1)]) });
  const before = buildSnapshot(undefined, input, {});
  const changed = { ...input, virtualServices: keyed([timeout(2)]) };
  const after = buildSnapshot(before, changed, { virtualServices: new Set(["default/reviews"]) });
  const replica = sidecar("sidecar~10.0.0.30~productpage-v9.default~default.svc.cluster.local", { app: "productpage" });
  const { targets } = proxyView(before, productpageProxy);
  assert.equal(targets.length, 1);
  assert.equal(proxyView(after, productpageProxy).targets, targets);
  assert.equal(proxyView(before, replica).targets, targets);
});

test("workloads that accept the same tokens share the filter, also after keys of others changed", () => {
  const policy = (name: string, namespace: string, url: string) => ({
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name, namespace },
    spec: { jwtRules: [{ issuer: name, jwksUri: url }] },
  });
  const keysWith = (text: string) => ({
    reader: "istiod" as const,
    read: new Map([["keys https://other.example", { text }]]),
  });
  const input = bookinfo({
    requestAuthentications: keyed([
      policy("all", "istio-system", "https://all.example"),
      policy("other", "other", "https://other.example"),
    ]),
    tokenKeys: keysWith("1"),
  });
  const before = buildSnapshot(undefined, input, {});
  const after = buildSnapshot(before, { ...input, tokenKeys: keysWith("2") }, {});
  const replica = sidecar("sidecar~10.0.0.30~x.third~third.svc.cluster.local");
  const other = sidecar("sidecar~10.0.0.31~y.other~other.svc.cluster.local");
  const filtersOf = (snapshot: Snapshot, proxy: Proxy) => securityFilters(proxyView(snapshot, proxy));
  assert.equal(filtersOf(before, productpageProxy), filtersOf(before, replica));
  assert.equal(filtersOf(after, productpageProxy), filtersOf(before, replica));
  assert.notEqual(filtersOf(after, other), filtersOf(before, other));
  assert.equal(filtersOf(before, productpageProxy).http.length, 1);
  const own = (snapshot: Snapshot) => sets(snapshot, productpageProxy)[typeUrls.listener]?.own;
  own(after)?.forEach((resource, index) => {
    assert.equal(resource, own(before)?.[index], resource.name);
  });
});
