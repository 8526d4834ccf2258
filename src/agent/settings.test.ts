import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrap } from "./bootstrap/bootstrap.ts";
import { duration } from "./duration.ts";
import { withoutEnvoyPrefix } from "./metrics.ts";
import { xdsNode } from "./node.ts";
import { parseDownwardEntries } from "./pod-info.ts";
import { type ProxyConfig, parseProxyConfig } from "./proxy-config.ts";
import { agentSettings } from "./settings.ts";

const env = { POD_NAME: "reviews-v1-0", POD_NAMESPACE: "default", INSTANCE_IP: "10.1.2.3" };

test("concurrency: the flag, else ProxyConfig, else the CPU limit, else two", () => {
  const concurrency = (args: string[], config: ProxyConfig, limit?: string): number =>
    agentSettings(["sidecar", ...args], { ...env, ISTIO_CPU_LIMIT: limit }, config).concurrency;
  assert.equal(concurrency(["--concurrency", "3"], { concurrency: 1 }, "4"), 3);
  assert.equal(concurrency([], { concurrency: 0 }, "4"), 0);
  assert.equal(concurrency([], {}, "4"), 4);
  assert.equal(concurrency([], {}), 2);
});

test("istiod is asked over TLS, unless its port or the config says plaintext", () => {
  const plaintext = (config: ProxyConfig): boolean => agentSettings(["router"], env, config).discovery.plaintext;
  assert.equal(plaintext({}), false);
  assert.equal(plaintext({ discoveryAddress: "istiod.istio-system.svc:15010" }), true);
  assert.equal(plaintext({ controlPlaneAuthPolicy: "NONE" }), true);
});

test("what can't be used is named", async () => {
  assert.throws(() => agentSettings(["waypoint"], env, {}), /'waypoint' is not known/);
  assert.throws(() => agentSettings([], { ...env, ENVOY_STATUS_PORT: "http" }, {}), /ENVOY_STATUS_PORT: 'http'/);
  assert.throws(() => duration("drainDuration", "5 seconds"), /'5 seconds' is not a duration/);
  await assert.rejects(parseProxyConfig("[]"), /must be a map/);
  assert.deepEqual(await parseProxyConfig("concurrency: 3\n"), { concurrency: 3 });
  assert.equal(duration("x", "1m30s"), 90_000);
});

test("downward API files: values are quoted as Go does it", () => {
  assert.deepEqual(parseDownwardEntries('app="reviews"\nnote="a \\"b\\"\\n\\u00e9\\\\"\n'), {
    app: "reviews",
    note: 'a "b"\né\\',
  });
});

test("the node carries ISTIO_META_*, labels and the proxy config", () => {
  const settings = agentSettings(
    ["router", "--domain", "istio-system.svc.cluster.local"],
    { ...env, POD_NAMESPACE: "istio-system", ISTIO_META_OWNER: "o", ISTIO_METAJSON_LABELS: '{"tier":"edge"}' },
    { discoveryAddress: "istiod:15012" },
  );
  const node = xdsNode(settings, { labels: { app: "gw", "istio-locality": "r/z/s" }, annotations: {} });
  assert.equal(node.id, "router~10.1.2.3~reviews-v1-0.istio-system~istio-system.svc.cluster.local");
  assert.equal(node.cluster, "gw.istio-system");
  assert.deepEqual(node.locality, { region: "r", zone: "z", sub_zone: "s" });
  assert.equal(node.metadata["OWNER"], "o");
  assert.deepEqual(node.metadata["LABELS"], { tier: "edge", app: "gw", "istio-locality": "r/z/s" });
  assert.deepEqual(node.metadata["PROXY_CONFIG"], { discoveryAddress: "istiod:15012" });
});

test("annotations add metrics to keep, with the pod's addresses", () => {
  const draining = { ...env, EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true" };
  const settings = agentSettings([], draining, { proxyStatsMatcher: { inclusionRegexps: [".*circuit_breakers.*"] } });
  const annotations = { "sidecar.istio.io/statsInclusionPrefixes": "http.{pod_ip}_" };
  const pod = { labels: {}, annotations };
  const text = JSON.stringify(bootstrap(settings, xdsNode(settings, pod), pod));
  assert.ok(text.includes('{"prefix":"http.10.1.2.3_"}'));
  assert.ok(text.includes('{"safe_regex":{"regex":".*circuit_breakers.*"}}'));
  assert.ok(text.includes('{"suffix":"downstream_cx_active"}'), "draining until idle counts connections");
});

test("a proxy that is to know those like it has the cluster for them, and any other hasn't", () => {
  const clusterOf = (more: Readonly<Record<string, string>>) => {
    const settings = agentSettings([], { ...env, ...more }, {});
    const pod = { labels: {}, annotations: {} };
    const { cluster_manager: manager, static_resources: resources } = bootstrap(
      settings,
      xdsNode(settings, pod),
      pod,
    ) as {
      cluster_manager: { local_cluster_name?: string };
      static_resources: { clusters: { name: string }[] };
    };
    const isThere = resources.clusters.some(({ name }) => name === "local_cluster");
    return [manager.local_cluster_name, isThere];
  };
  assert.deepEqual(clusterOf({ ISTIO_META_ENABLE_SELF_DISCOVERY: "true" }), ["local_cluster", true]);
  assert.deepEqual(clusterOf({}), [undefined, false]);
});

test("Istio's metrics lose Envoy's prefix, Envoy's own keep it", () => {
  const page =
    '# TYPE envoy_istio_requests_total counter\nenvoy_istio_requests_total{a="envoy_istio_"} 1\nenvoy_server_live 1\n';
  assert.equal(
    withoutEnvoyPrefix(page),
    '# TYPE istio_requests_total counter\nistio_requests_total{a="envoy_istio_"} 1\nenvoy_server_live 1\n',
  );
});
