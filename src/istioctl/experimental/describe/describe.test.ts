import assert from "node:assert/strict";
import test from "node:test";
import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { PeerAuthentication, PeerAuthenticationSpec } from "#api/istio/peer-authentication.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { HTTPRoute, VirtualService } from "#api/istio/virtual-service.ts";
import type { ConfigDump } from "../../proxy-config/envoy-dump.ts";
import { ingressLines } from "./ingress.ts";
import { namingIn } from "./naming.ts";
import { peerAuthenticationLines } from "./peer-authentication.ts";
import { podLines } from "./pod.ts";
import { requestAuthenticationLines } from "./request-authentication.ts";
import { serviceLines } from "./service.ts";

const name = namingIn("default");
const labels = { app: "reviews", version: "v2" };
const pod: Pod = {
  metadata: {
    name: "reviews-v2",
    namespace: "default",
    labels,
    annotations: { "sidecar.istio.io/status": '{"revision":"default"}' },
  },
  spec: {
    containers: [
      { name: "reviews", ports: [{ name: "web", containerPort: 9080 }] },
      { name: "istio-proxy", ports: [{ containerPort: 15090 }] },
    ],
  },
  status: { phase: "Running" },
};
const service: Service = {
  metadata: { name: "reviews", namespace: "default" },
  spec: { selector: { app: "reviews" }, ports: [{ name: "http", port: 80, targetPort: "web" }] },
};

const config = (kind: string, of: string) => ({
  metadata: { filter_metadata: { istio: { config: `/apis/networking.istio.io/v1/namespaces/default/${kind}/${of}` } } },
});

function dump(table: string, domain: string): ConfigDump {
  const cluster = "outbound|80||reviews.default.svc.cluster.local";
  const rbac = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
    rules: { policies: { "ns[default]-policy[viewer]-rule[0]": {} } },
  };
  const inbound = {
    name: "virtualInbound",
    filter_chains: [
      {
        filter_chain_match: { destination_port: 9080 },
        filters: [{ name: "http", typed_config: { http_filters: [{ name: "rbac", typed_config: rbac }] } }],
      },
    ],
  };
  return {
    configs: [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        dynamic_active_clusters: [{ cluster: { name: cluster, ...config("destination-rule", "reviews") } }],
      },
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
        dynamic_listeners: [{ active_state: { listener: inbound } }],
      },
      {
        "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
        dynamic_route_configs: [
          {
            route_config: {
              name: table,
              virtual_hosts: [
                {
                  name: "x",
                  domains: [domain],
                  routes: [{ ...config("virtual-service", "reviews"), route: { cluster } }],
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function configuration(http: readonly HTTPRoute[], gateways: readonly string[] = []) {
  const meta = (kind: string) => ({
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name: "reviews", namespace: "default" },
  });
  const destinationRule: DestinationRule = {
    ...meta("DestinationRule"),
    spec: {
      host: "reviews",
      trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" }, connectionPool: {} },
      subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
    },
  };
  const virtualService: VirtualService = { ...meta("VirtualService"), spec: { hosts: ["reviews"], gateways, http } };
  return {
    destinationRules: new Map([["reviews.default", destinationRule]]),
    virtualServices: new Map([["reviews.default", virtualService]]),
    gateways: new Map([
      ["front.default", { ...meta("Gateway"), spec: { selector: { istio: "ingressgateway" }, servers: [] } }],
    ]),
  };
}

const to = (subset: string, weight = 0) => ({ destination: { host: "reviews", subset }, weight });
const sidecar = dump("80", "reviews.default.svc.cluster.local");

test("a pod with a sidecar, and one without", () => {
  assert.deepEqual(podLines(pod, name, false), [
    "Pod: reviews-v2",
    "   Pod Revision: default",
    "   Pod Ports: 9080 (reviews), 15090 (istio-proxy)",
  ]);
  const bare: Pod = {
    ...pod,
    metadata: { name: "bare", namespace: "legacy" },
    spec: { containers: [{ name: "app" }] },
  };
  assert.deepEqual(podLines(bare, name, false).slice(2), [
    "   Pod does not expose ports",
    "WARNING: bare.legacy is not part of mesh; no Istio sidecar",
  ]);
});

test("a service with its rules, as the proxy has them", () => {
  const rules = configuration([
    { match: [{ uri: { prefix: "/a" }, headers: { "end-user": { exact: "jason" } } }], route: [to("v2")] },
    { route: [to("v1", 60), to("v2", 40)] },
    { match: [{ uri: { exact: "/b" } }], route: [to("v1")] },
  ]);
  assert.deepEqual(serviceLines(service, pod, [labels], sidecar, rules, name), [
    "Service: reviews",
    "   Port: http 80/HTTP targets pod port 9080",
    'DestinationRule: reviews for "reviews"',
    "   Matching subsets: v2",
    "      (Non-matching subsets v1)",
    "   Traffic Policy TLS Mode: ISTIO_MUTUAL",
    "   Policies: connection pool",
    "VirtualService: reviews",
    "   Match: /a* when headers are end-user=jason",
    '   Route to host "reviews" subset "v2" with weight 40%',
    "   1 additional destination(s) that will not reach this pod",
    "RBAC policies: ns[default]-policy[viewer]-rule[0]",
  ]);
});

test("routes that don't reach the pods, and a proxy that hasn't heard of a deletion", () => {
  const rules = configuration([{ route: [to("v1")] }, { route: [to("v9")] }]);
  assert.deepEqual(serviceLines(service, pod, [labels], sidecar, rules, name).slice(7, 11), [
    "VirtualService: reviews",
    "   WARNING: No destinations match pod subsets (checked 2 HTTP routes)",
    "      Route to non-matching subset v1 for (everything)",
    "      Warning: Route to UNKNOWN subset v9; check its DestinationRule",
  ]);
  const none = { destinationRules: new Map(), virtualServices: new Map(), gateways: new Map() };
  assert.ok(
    serviceLines(service, pod, [labels], sidecar, none, name).includes(
      "WARNING: Proxy is stale; it references to non-existent virtual service reviews.default",
    ),
  );
});

test("where it is exposed", () => {
  const gateway = {
    pod: { metadata: { labels: { istio: "ingressgateway" } } },
    services: [
      { spec: { ports: [{ name: "http2", port: 80 }] }, status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } } },
    ],
    dump: dump("http.8080", "*"),
  };
  const lines = ingressLines(gateway, [service], [labels], configuration([{ route: [to("v2")] }], ["front"]), name);
  assert.deepEqual(lines, [
    "--------------------",
    "Exposed on Ingress Gateway http://10.0.0.1",
    "VirtualService: reviews",
    "   1 HTTP route(s)",
  ]);
});

test("what the ports take in, and who says it", () => {
  const policy = (own: string, spec: PeerAuthenticationSpec): PeerAuthentication => ({
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: own, namespace: own === "mesh" ? "istio-system" : "default" },
    spec,
  });
  const policies = [
    policy("mesh", { mtls: { mode: "STRICT" } }),
    policy("own", { selector: { matchLabels: { app: "reviews" } }, portLevelMtls: { 9080: { mode: "DISABLE" } } }),
    policy("other", { selector: { matchLabels: { app: "ratings" } } }),
  ];
  assert.deepEqual(peerAuthenticationLines(policies, { namespace: "default", labels }, "istio-system"), [
    "Effective PeerAuthentication:",
    "   Workload mTLS mode: STRICT",
    "   Port Level mTLS mode:",
    "      9080: DISABLE",
    "Applied PeerAuthentication:",
    "   own.default, mesh.istio-system",
  ]);
});

test("a pod's tokens, and what is wrong with their keys", () => {
  const policy = (name: string, namespace: string, spec: RequestAuthentication["spec"], status?: object) => ({
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name, namespace },
    spec,
    ...(status ? { status } : {}),
  });
  const failed = { type: "weft.dev/Accepted", status: "False", message: "the keys can't be read" };
  const policies = [
    policy("mesh", "istio-system", { jwtRules: [{ issuer: "me", audiences: ["a", "b"] }] }),
    policy(
      "own",
      "default",
      { jwtRules: [{ jwksUri: "https://a.example", presence: "REQUIRED" }] },
      { conditions: [failed] },
    ),
    policy("other", "default", { selector: { matchLabels: { app: "other" } }, jwtRules: [{ issuer: "x" }] }),
  ];
  assert.deepEqual(requestAuthenticationLines(policies, { namespace: "default", labels }, "istio-system"), [
    "Applied RequestAuthentication:",
    "   own.default: requires tokens of any issuer",
    "   mesh.istio-system: accepts tokens of me for a, b",
    "   WARNING: own.default: the keys can't be read",
  ]);
  assert.deepEqual(requestAuthenticationLines([], { namespace: "default", labels }, "istio-system"), []);
});
