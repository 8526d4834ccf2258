import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type RouteConfiguration, RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { type Proxy, parseProxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { withEndpoints } from "#snapshot/endpoints.ts";
import type { MeshInput } from "#snapshot/input.ts";
import { type ProxyView, proxyView } from "#snapshot/proxy-view.ts";
import { typeUrls } from "#xds/resource.ts";
import {
  bookinfo,
  gateway,
  ingressProxy,
  keyed,
  pod,
  productpageProxy,
  slice,
  virtualService,
} from "./bookinfo.fixture.ts";
import { generate } from "./generate.ts";

const reviews = "reviews.default.svc.cluster.local";

function viewOf(input: MeshInput, proxy: Proxy = productpageProxy): ProxyView {
  return proxyView(buildSnapshot(undefined, input, {}), proxy);
}

function routes(view: ProxyView, name: string): RouteConfiguration {
  const [resource] = generate(view, typeUrls.route, [name]);
  assert.ok(resource, `no routes called ${name}`);
  return fromBinary(RouteConfigurationSchema, fromBinary(AnySchema, resource.any).value);
}

/** `host path → cluster` lines of a table. */
function table(view: ProxyView, name: string): string[] {
  return routes(view, name).virtualHosts.flatMap(({ name: host, routes: list }) =>
    list.map(({ match, action }) => {
      const path = match?.pathSpecifier;
      const target = action.case === "route" ? action.value.clusterSpecifier : undefined;
      return `${host} ${typeof path?.value === "string" ? path.value : "~"} → ${target?.case === "cluster" ? target.value : target?.case}`;
    }),
  );
}

function versions(view: ProxyView, typeUrl: string, names?: readonly string[]): Map<string, string> {
  return new Map(generate(view, typeUrl, names).map(({ name, version }) => [name, version]));
}

const all = [typeUrls.cluster, typeUrls.listener] as const;

test("the same input gives the same versions, also from scratch", () => {
  for (const type of all) assert.deepEqual(versions(viewOf(bookinfo()), type), versions(viewOf(bookinfo()), type));
});

test("sidecars of a namespace share what is the same for them", () => {
  const snapshot = buildSnapshot(undefined, bookinfo(), {});
  const other = parseProxy({
    id: "sidecar~10.0.0.11~ratings-v1.default~default.svc.cluster.local",
    metadata: { LABELS: { app: "ratings" } },
  });
  assert.ok(typeof other !== "string");
  const [a, b] = [proxyView(snapshot, productpageProxy), proxyView(snapshot, other)];
  for (const type of all) {
    const mine = new Map(generate(a, type).map((resource) => [resource.name, resource]));
    const own = generate(b, type).filter((resource) => mine.get(resource.name) !== resource);
    assert.ok(
      own.every(({ name }) => name.startsWith("inbound|") || name === "virtualInbound"),
      own.map(({ name }) => name).join(),
    );
  }
  assert.equal(generate(a, typeUrls.route, ["9080"])[0], generate(b, typeUrls.route, ["9080"])[0]);
});

test("a change of endpoints changes those endpoints and nothing else", () => {
  const input = bookinfo();
  const before = buildSnapshot(undefined, input, {});
  const v4 = pod("reviews-v4", "10.0.0.4", { app: "reviews", version: "v4" });
  const endpointSlices = new Map([...input.endpointSlices, ["default/reviews-a", slice("reviews", [v4], 9080)]]);
  const changed = { ...input, endpointSlices, pods: new Map([...input.pods, ["default/reviews-v4", v4]]) };
  const { snapshot, hosts } = withEndpoints(before, changed, { endpointSlices: new Set(["default/reviews-a"]) });
  assert.deepEqual([...hosts], [reviews]);
  const [old, now] = [proxyView(before, productpageProxy), proxyView(snapshot, productpageProxy)];
  for (const type of all) assert.deepEqual(generate(now, type), generate(old, type));
  const names = ["outbound|9080||ratings.default.svc.cluster.local", `outbound|9080||${reviews}`];
  const [first, second] = [generate(old, typeUrls.endpoint, names), generate(now, typeUrls.endpoint, names)];
  assert.equal(second[0], first[0]);
  assert.notEqual(second[1]?.version, first[1]?.version);
  const assignment = fromBinary(
    ClusterLoadAssignmentSchema,
    fromBinary(AnySchema, second[1]?.any ?? new Uint8Array()).value,
  );
  assert.equal(assignment.endpoints[0]?.lbEndpoints.length, 1);
});

test("a new route changes its table and leaves clusters and listeners", () => {
  const input = bookinfo();
  const before = buildSnapshot(undefined, input, {});
  const rule = virtualService("reviews", {
    hosts: ["reviews"],
    http: [{ route: [{ destination: { host: "ratings" } }] }],
  });
  const after = buildSnapshot(
    before,
    { ...input, virtualServices: keyed([rule]) },
    { virtualServices: new Set(["default/reviews"]) },
  );
  const [old, now] = [proxyView(before, productpageProxy), proxyView(after, productpageProxy)];
  for (const type of all) assert.deepEqual(versions(now, type), versions(old, type));
  assert.notDeepEqual(versions(now, typeUrls.route, ["9080"]), versions(old, typeUrls.route, ["9080"]));
});

test("of two rules for a host the older has it", () => {
  const to = (host: string) => ({ hosts: ["reviews"], http: [{ route: [{ destination: { host } }] }] });
  const input = bookinfo({
    virtualServices: keyed([
      virtualService("young", to("ratings"), "2026-02-01T00:00:00Z"),
      virtualService("old", to("productpage"), "2026-01-01T00:00:00Z"),
    ]),
  });
  assert.ok(
    table(viewOf(input), "9080").includes(`${reviews}:9080 / → outbound|9080||productpage.default.svc.cluster.local`),
  );
});

test("a host of its own wins over a pattern, a pattern takes the rest", () => {
  const to = (hosts: string[], host: string) => ({ hosts, http: [{ route: [{ destination: { host } }] }] });
  const input = bookinfo({
    virtualServices: keyed([
      virtualService("a-pattern", to(["*.default.svc.cluster.local"], "ratings")),
      virtualService("exact", to(["reviews"], "productpage")),
    ]),
  });
  const lines = table(viewOf(input), "9080");
  assert.ok(
    lines.includes(`${reviews}:9080 / → outbound|9080||productpage.default.svc.cluster.local`),
    lines.join("\n"),
  );
  assert.ok(
    lines.includes("productpage.default.svc.cluster.local:9080 / → outbound|9080||ratings.default.svc.cluster.local"),
  );
});

test("nothing comes after a route that takes every request", () => {
  const input = bookinfo({
    virtualServices: keyed([
      virtualService("reviews", {
        hosts: ["reviews"],
        http: [
          { match: [{ uri: { exact: "/a" } }], route: [{ destination: { host: "ratings" } }] },
          { route: [{ destination: { host: "reviews" } }] },
          { match: [{ uri: { exact: "/b" } }], route: [{ destination: { host: "ratings" } }] },
        ],
      }),
    ]),
  });
  const paths = table(viewOf(input), "9080")
    .filter((line) => line.startsWith("reviews"))
    .map((line) => line.split(" ")[1]);
  assert.deepEqual(paths, ["/a", "/"]);
});

test("a rule for a gateway isn't used in sidecars, and short names don't reach other namespaces", () => {
  const input = bookinfo({
    virtualServices: keyed([
      virtualService("web", {
        hosts: ["reviews"],
        gateways: ["front"],
        http: [{ route: [{ destination: { host: "ratings" } }] }],
      }),
    ]),
  });
  assert.ok(table(viewOf(input), "9080").includes(`${reviews}:9080 / → outbound|9080||${reviews}`));
  const elsewhere = parseProxy({ id: "sidecar~10.0.9.9~x.other~other.svc.cluster.local" });
  assert.ok(typeof elsewhere !== "string");
  const domains = (view: ProxyView) =>
    routes(view, "9080").virtualHosts.find(({ name }) => name === `${reviews}:9080`)?.domains;
  assert.ok(domains(viewOf(input))?.includes("reviews"));
  assert.deepEqual(domains(viewOf(input, elsewhere)), [
    reviews,
    `${reviews}.`,
    "reviews.default",
    "reviews.default.svc",
    "10.96.0.12",
  ]);
});

test("only clients with the source labels get the route", () => {
  const input = bookinfo({
    virtualServices: keyed([
      virtualService("reviews", {
        hosts: ["reviews"],
        http: [
          { match: [{ sourceLabels: { app: "productpage" } }], route: [{ destination: { host: "ratings" } }] },
          { route: [{ destination: { host: "reviews" } }] },
        ],
      }),
    ]),
  });
  const other = parseProxy({
    id: "sidecar~10.0.0.11~ratings-v1.default~default.svc.cluster.local",
    metadata: { LABELS: { app: "ratings" } },
  });
  assert.ok(typeof other !== "string");
  const snapshot = buildSnapshot(undefined, input, {});
  const target = (proxy: Proxy) => table(proxyView(snapshot, proxy), "9080").filter((line) => line.startsWith(reviews));
  assert.deepEqual(target(productpageProxy), [`${reviews}:9080 / → outbound|9080||ratings.default.svc.cluster.local`]);
  assert.deepEqual(target(other), [`${reviews}:9080 / → outbound|9080||${reviews}`]);
});

test("a gateway listens on what its Service maps the port to, and answers 404 without routes", () => {
  const front = gateway("front", {
    selector: { istio: "ingressgateway" },
    servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["a.example"] }],
  });
  const view = viewOf(bookinfo({ gateways: keyed([front]) }), ingressProxy);
  assert.deepEqual(
    generate(view, typeUrls.listener).map(({ name }) => name),
    ["0.0.0.0_8080"],
  );
  assert.deepEqual(
    routes(view, "http.8080").virtualHosts.map(({ name, routes: list }) => [name, list.length]),
    [["blackhole:80", 0]],
  );
});

test("a gateway without privileges leaves ports out that it can't open", () => {
  const server = (number: number) => ({ port: { number, name: `p${number}`, protocol: "HTTP" }, hosts: ["a.example"] });
  const front = gateway("front", { selector: { istio: "ingressgateway" }, servers: [80, 81, 8081].map(server) });
  const opened = (proxy: Proxy): readonly string[] =>
    generate(viewOf(bookinfo({ gateways: keyed([front]) }), proxy), typeUrls.listener).map(({ name }) => name);
  assert.deepEqual(opened(ingressProxy), ["0.0.0.0_8080", "0.0.0.0_8081", "0.0.0.0_81"]);
  assert.deepEqual(opened({ ...ingressProxy, isUnprivileged: true }), ["0.0.0.0_8080", "0.0.0.0_8081"]);
});

test("a name that means nothing gives nothing", () => {
  const view = viewOf(bookinfo());
  const names = [
    "",
    "x",
    "outbound|1||nowhere",
    `outbound|9080|none|${reviews}`,
    "outbound|a||b",
    "-1",
    "99999999999999999999",
  ];
  assert.deepEqual(generate(view, typeUrls.endpoint, names), []);
  assert.deepEqual(generate(view, typeUrls.cluster, names), []);
  assert.deepEqual(generate(view, "type.googleapis.com/unknown", names), []);
});
