import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Cluster_DiscoveryType, ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { Route, RouteAction } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "#api/envoy/gen/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManagerSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { defaultMeshConfig, type MeshConfig } from "#model/mesh-config.ts";
import type { Proxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { type ProxyView, proxyView } from "#snapshot/proxy-view.ts";
import { bookinfo, gateway, ingressProxy, keyed, productpageProxy, virtualService } from "./bookinfo.fixture.ts";
import { generate } from "./generate.ts";

/** What mesh-wide settings change in what proxies get. */

const front = gateway("front", {
  selector: { istio: "ingressgateway" },
  servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
});
const rule = virtualService("ratings", {
  hosts: ["ratings"],
  http: [
    { match: [{ uri: { prefix: "/own" } }], retries: { attempts: 7 }, route: [{ destination: { host: "ratings" } }] },
    { route: [{ destination: { host: "ratings" } }] },
  ],
});

function viewOf(mesh: Partial<MeshConfig>, proxy: Proxy = productpageProxy): ProxyView {
  const input = bookinfo({
    meshConfig: { ...defaultMeshConfig, ...mesh },
    gateways: keyed([front]),
    virtualServices: keyed([rule]),
  });
  return proxyView(buildSnapshot(undefined, input, {}), proxy);
}

function named<Desc extends DescMessage>(view: ProxyView, schema: Desc, name: string): MessageShape<Desc> {
  const [resource] = generate(view, `type.googleapis.com/${schema.typeName}`, [name]);
  assert.ok(resource, `no ${schema.name} called ${name}`);
  return fromBinary(schema, fromBinary(AnySchema, resource.any).value);
}

function manager(view: ProxyView, listener: string): HttpConnectionManager {
  for (const { filters } of named(view, ListenerSchema, listener).filterChains) {
    const config = filters[0]?.configType;
    const found = config?.case === "typedConfig" ? anyUnpack(config.value, HttpConnectionManagerSchema) : undefined;
    if (found) return found;
  }
  return assert.fail(`${listener} has no HTTP connection manager`);
}

function action({ action: { case: kind, value } }: Route): RouteAction {
  assert.equal(kind, "route");
  return value;
}

test("retries: the mesh's where a route says nothing, also for services without routes", () => {
  const tries = (mesh: Partial<MeshConfig>): (number | undefined)[] =>
    named(viewOf(mesh), RouteConfigurationSchema, "9080")
      .virtualHosts.filter(({ name }) => /^(ratings|reviews)/.test(name))
      .flatMap(({ routes }) => routes.map((route) => action(route).retryPolicy?.numRetries));
  assert.deepEqual(tries({}), [7, 2, 2]);
  assert.deepEqual(tries({ defaultHttpRetryPolicy: { attempts: 4 } }), [7, 4, 4]);
  assert.deepEqual(tries({ defaultHttpRetryPolicy: { attempts: 0 } }), [7, undefined, undefined]);
});

test("paths are normalized as the mesh says", () => {
  const { UNESCAPE_AND_FORWARD, KEEP_UNCHANGED } = HttpConnectionManager_PathWithEscapedSlashesAction;
  const expected = {
    NONE: [false, false, KEEP_UNCHANGED],
    BASE: [true, false, KEEP_UNCHANGED],
    DEFAULT: [true, false, KEEP_UNCHANGED],
    MERGE_SLASHES: [true, true, KEEP_UNCHANGED],
    DECODE_AND_MERGE_SLASHES: [true, true, UNESCAPE_AND_FORWARD],
  } as const;
  for (const [mode, settings] of Object.entries(expected)) {
    const view = viewOf({ pathNormalization: mode as keyof typeof expected });
    for (const listener of ["virtualInbound", "0.0.0.0_9080"]) {
      const { normalizePath, mergeSlashes, pathWithEscapedSlashesAction } = manager(view, listener);
      assert.deepEqual([normalizePath, mergeSlashes, pathWithEscapedSlashesAction], settings, `${mode} ${listener}`);
    }
  }
});

test("workloads are called on loopback where the mesh says so", () => {
  const cluster = named(viewOf({ inboundTrafficMode: "LOCALHOST" }), ClusterSchema, "inbound|9080||");
  assert.equal(cluster.clusterDiscoveryType.value, Cluster_DiscoveryType.STATIC);
  const host = cluster.loadAssignment?.endpoints[0]?.lbEndpoints[0]?.hostIdentifier;
  const address = host?.case === "endpoint" ? host.value.address?.address : undefined;
  assert.equal(address?.case === "socketAddress" ? address.value.address : undefined, "127.0.0.1");
});

test("hosts that nobody knows are looked up where the mesh says so", () => {
  const targets = (byHostName: boolean): (string | undefined)[] => {
    const view = viewOf({ outboundTrafficPolicy: { mode: "ALLOW_ANY", byHostName } });
    const cluster = generate(view, `type.googleapis.com/${ClusterSchema.typeName}`, ["AllowAnyDynamicDNSCluster"])[0];
    const last = named(view, RouteConfigurationSchema, "9080").virtualHosts.at(-1)?.routes[0];
    const specifier = last && action(last).clusterSpecifier;
    return [cluster?.name, specifier?.case === "cluster" ? specifier.value : undefined];
  };
  assert.deepEqual(targets(false), [undefined, "PassthroughCluster"]);
  assert.deepEqual(targets(true), ["AllowAnyDynamicDNSCluster", "AllowAnyDynamicDNSCluster"]);
});

test("keepalive and the time for finding out protocols", () => {
  const view = viewOf({ tcpKeepalive: { time: "60s" }, protocolDetectionTimeoutMs: 5000 });
  const { upstreamConnectionOptions } = named(view, ClusterSchema, "outbound|9080||reviews.default.svc.cluster.local");
  assert.equal(upstreamConnectionOptions?.tcpKeepalive?.keepaliveTime, 60);
  for (const listener of ["virtualInbound", "0.0.0.0_9080"])
    assert.equal(named(view, ListenerSchema, listener).listenerFiltersTimeout?.seconds, 5n);
});

test("a gateway trusts who stands before it as far as its proxy config says", () => {
  const gatewayTopology = { numTrustedProxies: 2, forwardClientCertDetails: "APPEND_FORWARD", proxyProtocol: {} };
  const proxy: Proxy = { ...ingressProxy, metadata: { PROXY_CONFIG: { gatewayTopology } } };
  const view = viewOf({}, proxy);
  const { xffNumTrustedHops, forwardClientCertDetails } = manager(view, "0.0.0.0_8080");
  assert.equal(xffNumTrustedHops, 2);
  assert.equal(forwardClientCertDetails, HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD);
  const filters = named(view, ListenerSchema, "0.0.0.0_8080").listenerFilters;
  assert.deepEqual(
    filters.map(({ name }) => name),
    ["envoy.filters.listener.proxy_protocol"],
  );
  const plain = manager(viewOf({}, ingressProxy), "0.0.0.0_8080");
  assert.equal(plain.forwardClientCertDetails, HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET);
});
