import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyConfigResource, ProxyConfigSpec } from "#api/istio/proxy-config.ts";
import { effectiveProxyConfig, type ProxyConfigFacts } from "./effective-proxy-config.ts";

function resource(namespace: string, spec: ProxyConfigSpec): ProxyConfigResource {
  return { apiVersion: "networking.istio.io/v1beta1", kind: "ProxyConfig", metadata: { namespace, name: "x" }, spec };
}

const facts: ProxyConfigFacts = {
  mesh: {
    defaultConfig: { concurrency: 1, discoveryAddress: "istiod:15012", proxyMetadata: { FROM: "mesh", MESH: "1" } },
  },
  rootNamespace: "istio-system",
  namespace: "shop",
  labels: { app: "cart" },
  annotation: undefined,
  resources: [],
};
const root = resource("istio-system", { concurrency: 2, environmentVariables: { FROM: "root", ROOT: "1" } });
const namespace = resource("shop", { concurrency: 3, environmentVariables: { FROM: "namespace" } });
const cart = { matchLabels: { app: "cart" } };
const workload = resource("shop", { selector: cart, concurrency: 5, environmentVariables: { FROM: "workload" } });
const annotation = "concurrency: 4\nproxyMetadata: {FROM: annotation}\nstatusPort: 15999\n";

test("the narrower says it, and the resource for a workload is above its annotation", () => {
  const steps: readonly (readonly [Partial<ProxyConfigFacts>, number, string])[] = [
    [{}, 1, "mesh"],
    [{ resources: [root] }, 2, "root"],
    [{ resources: [namespace, root] }, 3, "namespace"],
    [{ resources: [root, namespace], annotation }, 4, "annotation"],
    [{ resources: [workload, root, namespace], annotation }, 5, "workload"],
  ];
  for (const [more, concurrency, from] of steps) {
    const config = effectiveProxyConfig({ ...facts, ...more });
    assert.deepEqual([config.concurrency, config.proxyMetadata?.["FROM"]], [concurrency, from]);
    assert.equal(config.proxyMetadata?.["MESH"], "1");
    assert.equal(config.discoveryAddress, "istiod:15012");
  }
});

test("others' resources don't count, and of two for one pod the older does", () => {
  const resources = [
    resource("other", { concurrency: 7 }),
    resource("shop", { selector: { matchLabels: { app: "other" } }, concurrency: 8 }),
    resource("shop", { selector: cart, image: { imageType: "debug" } }),
    resource("shop", { selector: cart, image: { imageType: "distroless" }, concurrency: 0 }),
  ];
  const config = effectiveProxyConfig({ ...facts, resources });
  assert.deepEqual([config.concurrency, config.image], [0, { imageType: "debug" }]);
});

test("an annotation that is no map is refused", () => {
  assert.throws(() => effectiveProxyConfig({ ...facts, annotation: "- 1" }), /proxy\.istio\.io\/config/);
});
