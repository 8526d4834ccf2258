import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { TypedExtensionConfigSchema } from "#api/envoy/gen/envoy/config/core/v3/extension_pb.js";
import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "#api/envoy/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { ConfigPatch, EnvoyFilter, EnvoyFilterSpec } from "#api/istio/envoy-filter.ts";
import type { Proxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { type ProxyView, proxyView } from "#snapshot/proxy-view.ts";
import { typeUrls } from "#xds/resource.ts";
import { bookinfo, gateway, ingressProxy, keyed, productpageProxy } from "../bookinfo.fixture.ts";
import { generate } from "../generate.ts";
import { bootstrapPatch } from "./bootstrap.ts";

const manager = "envoy.filters.network.http_connection_manager";
const router = "envoy.filters.http.router";
const reviews = "outbound|9080||reviews.default.svc.cluster.local";

function filter(
  name: string,
  spec: EnvoyFilterSpec,
  namespace = "default",
  creationTimestamp = "2026-01-01T00:00:00Z",
) {
  const resource: EnvoyFilter = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name, namespace, creationTimestamp },
    spec,
  };
  return resource;
}

const mesh = bookinfo();

function viewOf(filters: readonly EnvoyFilter[], proxy: Proxy = productpageProxy): ProxyView {
  const front = gateway("front", {
    selector: { istio: "ingressgateway" },
    servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
  });
  const snapshot = buildSnapshot(undefined, { ...mesh, envoyFilters: keyed(filters), gateways: keyed([front]) }, {});
  assert.deepEqual(snapshot.problems, []);
  return proxyView(snapshot, proxy);
}

function patched(...configPatches: ConfigPatch[]): ProxyView {
  return viewOf([filter("patch", { configPatches })]);
}

function named<Desc extends DescMessage>(view: ProxyView, schema: Desc, name: string): MessageShape<Desc> {
  const [resource] = generate(view, `type.googleapis.com/${schema.typeName}`, [name]);
  assert.ok(resource, `no ${schema.name} called ${name}`);
  return fromBinary(schema, fromBinary(AnySchema, resource.any).value);
}

function connectionManager({ filters }: FilterChain): HttpConnectionManager | undefined {
  const config = filters.find(({ name }) => name === manager)?.configType;
  return config?.case === "typedConfig" ? anyUnpack(config.value, HttpConnectionManagerSchema) : undefined;
}

/** The first HTTP connection manager of a listener. */
function managerOf(view: ProxyView, listener: string): HttpConnectionManager {
  const found = named(view, ListenerSchema, listener).filterChains.flatMap(
    (chain) => connectionManager(chain) ?? [],
  )[0];
  assert.ok(found, `${listener} has no HTTP connection manager`);
  return found;
}

function httpFilters(view: ProxyView, listener: string): string[] {
  return managerOf(view, listener).httpFilters.map(({ name }) => name);
}

const lua = {
  name: "lua",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
    default_source_code: { inline_string: "function envoy_on_request(h) end" },
  },
};

function httpFilterPatch(
  operation: NonNullable<ConfigPatch["patch"]>["operation"],
  subFilter?: string,
  value: unknown = lua,
): ConfigPatch {
  return {
    applyTo: "HTTP_FILTER",
    match: {
      context: "SIDECAR_OUTBOUND",
      listener: {
        filterChain: { filter: { name: manager, ...(subFilter ? { subFilter: { name: subFilter } } : {}) } },
      },
    },
    patch: { ...(operation ? { operation } : {}), value },
  };
}

const standard = [
  "weft.offered_protocols",
  ...["grpc_stats", "fault", "cors", "router"].map((name) => `envoy.filters.http.${name}`),
];

const placements: readonly (readonly [string, ConfigPatch, readonly string[]])[] = [
  ["before a filter", httpFilterPatch("INSERT_BEFORE", router), [...standard.slice(0, 4), "lua", router]],
  ["after a filter", httpFilterPatch("INSERT_AFTER", standard[0]), [standard[0] ?? "", "lua", ...standard.slice(1)]],
  ["before all", httpFilterPatch("INSERT_BEFORE"), ["lua", ...standard]],
  ["first", httpFilterPatch("INSERT_FIRST", router), ["lua", ...standard]],
  ["last", httpFilterPatch("ADD"), [...standard, "lua"]],
  ["instead of a filter", httpFilterPatch("REPLACE", standard[1]), standard.with(1, "lua")],
  ["nowhere, as the filter isn't there", httpFilterPatch("INSERT_BEFORE", "envoy.filters.http.jwt_authn"), standard],
  ["none of it: removed", httpFilterPatch("REMOVE", standard[2]), standard.toSpliced(2, 1)],
];
for (const [where, patch, expected] of placements)
  test(`an HTTP filter: ${where}`, () => assert.deepEqual(httpFilters(patched(patch), "0.0.0.0_9080"), expected));

test("an added HTTP filter of a class goes where the class is", () => {
  const classed = (filterClass: "AUTHN" | "STATS"): ConfigPatch => ({
    ...httpFilterPatch("ADD"),
    patch: { operation: "ADD", value: lua, filterClass },
  });
  assert.deepEqual(httpFilters(patched(classed("STATS")), "0.0.0.0_9080"), standard.toSpliced(4, 0, "lua"));
  assert.deepEqual(httpFilters(patched(classed("AUTHN")), "0.0.0.0_9080"), ["lua", ...standard]);
});

test("merging into a filter keeps the rest of it, whether typed or as a TypedStruct", () => {
  const type = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
  const typed = { name: router, typed_config: { "@type": type, start_child_span: true } };
  const struct = {
    name: router,
    typed_config: {
      "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
      type_url: type,
      value: { suppress_envoy_headers: true },
    },
  };
  const view = patched(httpFilterPatch("MERGE", router, typed), httpFilterPatch("MERGE", router, struct));
  const config = managerOf(view, "0.0.0.0_9080").httpFilters.at(-1)?.configType;
  const merged = config?.case === "typedConfig" ? anyUnpack(config.value, RouterSchema) : undefined;
  assert.deepEqual([merged?.startChildSpan, merged?.suppressEnvoyHeaders], [true, true]);
});

test("clusters are merged, removed and added, and the rest stays the same object", () => {
  const plain = viewOf([]);
  const view = patched(
    {
      applyTo: "CLUSTER",
      match: { context: "SIDECAR_OUTBOUND", cluster: { service: "reviews.default.svc.cluster.local" } },
      patch: {
        operation: "MERGE",
        value: { connect_timeout: "0.25s", common_lb_config: { zone_aware_lb_config: {} } },
      },
    },
    { applyTo: "CLUSTER", match: { cluster: { name: "BlackHoleCluster" } }, patch: { operation: "REMOVE" } },
    { applyTo: "CLUSTER", patch: { operation: "ADD", value: { name: "mine", type: "STRICT_DNS" } } },
  );
  const { connectTimeout, commonLbConfig } = named(view, ClusterSchema, reviews);
  assert.deepEqual([connectTimeout?.seconds, connectTimeout?.nanos], [0n, 250_000_000], "replaced as a whole");
  assert.equal(commonLbConfig?.healthyPanicThreshold?.value, 0);
  assert.equal(commonLbConfig.localityConfigSpecifier.case, "zoneAwareLbConfig");
  const [before, after] = [plain, view].map((one) => generate(one, typeUrls.cluster));
  assert.deepEqual(
    after
      ?.filter((one) => !before?.includes(one) && !one.name.startsWith("inbound|"))
      .map(({ name, patchedBy }) => [name, patchedBy]),
    ["mine", reviews].map((name) => [
      name,
      ["/apis/networking.istio.io/v1alpha3/namespaces/default/envoy-filter/patch"],
    ]),
  );
  assert.ok(!after?.some(({ name }) => name === "BlackHoleCluster"));
});

test("an inbound cluster is found by the service it is for", () => {
  const view = patched({
    applyTo: "CLUSTER",
    match: { context: "SIDECAR_INBOUND", cluster: { service: "productpage.default.svc.cluster.local" } },
    patch: { operation: "MERGE", value: { connect_timeout: "3s" } },
  });
  assert.equal(named(view, ClusterSchema, "inbound|9080||").connectTimeout?.seconds, 3n);
});

test("lists are appended, or replaced where that is asked for", () => {
  const patch = (operation: "MERGE" | "MERGE_AND_REPLACE_LIST", value: unknown): ConfigPatch => ({
    applyTo: "VIRTUAL_HOST",
    match: { routeConfiguration: { vhost: { name: "reviews.default.svc.cluster.local:9080" } } },
    patch: { operation, value },
  });
  const domains = (view: ProxyView): readonly string[] =>
    named(view, RouteConfigurationSchema, "9080").virtualHosts.find(({ name }) => name.startsWith("reviews."))
      ?.domains ?? [];
  const before = domains(viewOf([]));
  assert.deepEqual(domains(patched(patch("MERGE", { domains: ["r"] }))), [...before, "r"]);
  assert.deepEqual(domains(patched(patch("MERGE_AND_REPLACE_LIST", { domains: ["r"] }))), ["r"]);
});

test("routes are inserted, merged and removed, also in the listener's own table", () => {
  const answer = { name: "mine", match: { path: "/mine" }, direct_response: { status: 204 } };
  const view = patched(
    {
      applyTo: "HTTP_ROUTE",
      match: {
        context: "SIDECAR_OUTBOUND",
        routeConfiguration: { name: "9080", vhost: { domainName: "ratings", route: { action: "ROUTE" } } },
      },
      patch: { operation: "INSERT_BEFORE", value: answer },
    },
    {
      applyTo: "HTTP_ROUTE",
      match: { context: "SIDECAR_INBOUND", routeConfiguration: { portNumber: 9080 } },
      patch: { operation: "MERGE", value: { route: { timeout: "7s" } } },
    },
    {
      applyTo: "VIRTUAL_HOST",
      match: { routeConfiguration: { vhost: { name: "allow_any" } } },
      patch: { operation: "REMOVE" },
    },
  );
  const { virtualHosts } = named(view, RouteConfigurationSchema, "9080");
  const names = virtualHosts.map((host) => `${host.name} ${host.routes.map(({ name }) => name).join()}`);
  assert.deepEqual(
    names.filter((name) => name.startsWith("ratings") || name.startsWith("allow_any")),
    ["ratings.default.svc.cluster.local:9080 mine,default"],
  );
  const chain = named(view, ListenerSchema, "virtualInbound").filterChains.find(({ name }) => name === "0.0.0.0_9080");
  const specifier = chain && connectionManager(chain)?.routeSpecifier;
  assert.ok(specifier?.case === "routeConfig");
  const action = specifier.value.virtualHosts[0]?.routes[0]?.action;
  assert.equal(action?.case === "route" ? action.value.timeout?.seconds : undefined, 7n);
});

test("listener filters and chains: a port of the inbound listener is its chain's", () => {
  const view = patched(
    {
      applyTo: "LISTENER_FILTER",
      match: { context: "SIDECAR_INBOUND", listener: { listenerFilter: "envoy.filters.listener.tls_inspector" } },
      patch: {
        operation: "INSERT_AFTER",
        value: {
          name: "proxy_protocol",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
          },
        },
      },
    },
    {
      applyTo: "FILTER_CHAIN",
      match: { context: "SIDECAR_INBOUND", listener: { portNumber: 9080 } },
      patch: { operation: "MERGE", value: { transport_socket_connect_timeout: "4s" } },
    },
    {
      applyTo: "FILTER_CHAIN",
      match: { context: "SIDECAR_INBOUND", listener: { filterChain: { name: "virtualInbound-blackhole" } } },
      patch: { operation: "REMOVE" },
    },
  );
  const { listenerFilters, filterChains } = named(view, ListenerSchema, "virtualInbound");
  assert.deepEqual(
    listenerFilters.map(({ name }) => name.replace(/.*\./, "")),
    ["original_dst", "tls_inspector", "proxy_protocol", "http_inspector"],
  );
  assert.ok(!filterChains.some(({ name }) => name === "virtualInbound-blackhole"));
  for (const { filterChainMatch, transportSocketConnectTimeout } of filterChains)
    assert.equal(transportSocketConnectTimeout?.seconds, filterChainMatch?.destinationPort === 9080 ? 4n : undefined);
});

test("a gateway's table is found by the Gateway's port, which isn't the proxy's", () => {
  const patch: ConfigPatch = {
    applyTo: "ROUTE_CONFIGURATION",
    match: { context: "GATEWAY", routeConfiguration: { portNumber: 80 } },
    patch: { operation: "MERGE", value: { request_headers_to_remove: ["x-gone"] } },
  };
  const view = viewOf([filter("gateways", { configPatches: [patch] }, "istio-system")], ingressProxy);
  assert.deepEqual(named(view, RouteConfigurationSchema, "http.8080").requestHeadersToRemove, ["x-gone"]);
});

test("patches are applied by priority, the root namespace first, then by age", () => {
  const add = (header: string): ConfigPatch => ({
    applyTo: "ROUTE_CONFIGURATION",
    match: { context: "SIDECAR_OUTBOUND" },
    patch: { operation: "MERGE", value: { request_headers_to_remove: [header] } },
  });
  const view = viewOf([
    filter("last", { priority: 1, configPatches: [add("5")] }, "istio-system", "2025-01-01T00:00:00Z"),
    filter("young", { configPatches: [add("4")] }, "default", "2026-03-01T00:00:00Z"),
    filter("old", { configPatches: [add("3")] }, "default", "2026-02-01T00:00:00Z"),
    filter("root", { configPatches: [add("2")] }, "istio-system", "2026-04-01T00:00:00Z"),
    filter("first", { priority: -1, configPatches: [add("1")] }),
    filter("others", { workloadSelector: { labels: { app: "reviews" } }, configPatches: [add("no")] }),
    filter("elsewhere", { configPatches: [add("no")] }, "other"),
  ]);
  assert.deepEqual(named(view, RouteConfigurationSchema, "9080").requestHeadersToRemove, ["1", "2", "3", "4", "5"]);
});

test("patches are for the proxies of a version and with metadata", () => {
  const patch = (proxy: NonNullable<ConfigPatch["match"]>["proxy"]): ConfigPatch => ({
    applyTo: "CLUSTER",
    match: { ...(proxy ? { proxy } : {}), cluster: { name: reviews } },
    patch: { operation: "REMOVE" },
  });
  const proxy: Proxy = { ...productpageProxy, version: "1.31.2", metadata: { TEAM: "a", LABELS: {} } };
  const isThere = (condition: NonNullable<ConfigPatch["match"]>["proxy"], of = proxy): boolean =>
    generate(viewOf([filter("patch", { configPatches: [patch(condition)] })], of), typeUrls.cluster, [reviews]).length >
    0;
  assert.equal(isThere({ proxyVersion: "^1\\.31.*" }), false);
  assert.equal(isThere({ proxyVersion: "^1\\.30.*" }), true);
  assert.equal(isThere({ proxyVersion: "1" }, { ...proxy, version: "" }), true);
  const own = { ...proxy, version: "0.1.0" };
  assert.deepEqual(
    [isThere({ proxyVersion: "^1\\.31.*" }, own), isThere({ proxyVersion: "^1\\.30.*" }, own)],
    [false, true],
  );
  assert.equal(isThere({ metadata: { TEAM: "a" } }), false);
  assert.equal(isThere({ metadata: { TEAM: "b" } }), true);
});

test("patches of the bootstrap become what Envoy merges itself", () => {
  const patch = (value: unknown): ConfigPatch => ({ applyTo: "BOOTSTRAP", patch: { operation: "MERGE", value } });
  const runtime = (key: string) => ({ layered_runtime: { layers: [{ name: key, static_layer: { [key]: true } }] } });
  const view = patched(patch(runtime("a")), patch(runtime("b")), patch({ stats_flush_interval: "7s" }));
  assert.deepEqual(JSON.parse(bootstrapPatch(view.patches) ?? ""), {
    layered_runtime: { layers: ["a", "b"].map((name) => ({ name, static_layer: { [name]: true } })) },
    stats_flush_interval: "7s",
  });
  assert.equal(bootstrapPatch(viewOf([]).patches), undefined);
});

test("configurations of extensions are served by name", () => {
  const view = patched({ applyTo: "EXTENSION_CONFIG", patch: { operation: "ADD", value: lua } });
  assert.deepEqual(generate(view, typeUrls.extensionConfig), []);
  assert.equal(named(view, TypedExtensionConfigSchema, "lua").name, "lua");
});

test("proxies with the same patches share what is patched, over snapshots too", () => {
  const patch: ConfigPatch = { applyTo: "CLUSTER", patch: { operation: "MERGE", value: { connect_timeout: "1s" } } };
  const input = bookinfo({ envoyFilters: keyed([filter("all", { configPatches: [patch] })]) });
  const first = buildSnapshot(undefined, input, {});
  const second = buildSnapshot(first, { ...input }, { virtualServices: new Set(["default/x"]) });
  const other: Proxy = { ...productpageProxy, name: "other", ip: "10.9.9.9", ips: ["10.9.9.9"] };
  const [a, b, c] = [proxyView(first, productpageProxy), proxyView(first, other), proxyView(second, other)].map(
    (view) => generate(view, typeUrls.cluster, [reviews])[0],
  );
  assert.ok(a?.patchedBy);
  assert.equal(a, b);
  assert.equal(a, c);
});
