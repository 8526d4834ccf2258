import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationPolicy, AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import { keyed } from "#envoy/bookinfo.fixture.ts";
import { byNamespace, type PoliciesByNamespace, policiesFor } from "./workload-policies.ts";

function policy(namespace: string, name: string, spec: AuthorizationPolicySpec): AuthorizationPolicy {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec,
  };
}

type Grouped = PoliciesByNamespace<AuthorizationPolicy>;

function grouped(policies: readonly AuthorizationPolicy[], previous?: Grouped): Grouped {
  return byNamespace(previous, keyed(policies));
}

const app = { selector: { matchLabels: { app: "web" } } };
const kubeGateway = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "front" };
const policies = grouped([
  policy("istio-system", "mesh", {}),
  policy("istio-system", "mesh-web", app),
  policy("shop", "all", {}),
  policy("shop", "web", app),
  policy("shop", "front", { targetRefs: [kubeGateway] }),
  policy("shop", "front-old", { targetRef: kubeGateway }),
  policy("istio-system", "front-elsewhere", { targetRefs: [kubeGateway] }),
  policy("shop", "service", { targetRefs: [{ group: "", kind: "Service", name: "web" }] }),
  policy("other", "all", {}),
]);
const namespaces = ["istio-system", "shop"];
const names = (list: readonly AuthorizationPolicy[]): string[] => list.map(({ metadata }) => metadata.name ?? "");

test("policies are for their namespace, those of the root namespace for all, narrowed by labels", () => {
  const shop = { namespace: "shop" };
  assert.deepEqual(names(policiesFor(policies, namespaces, shop, { app: "web" })), ["mesh", "mesh-web", "all", "web"]);
  assert.deepEqual(names(policiesFor(policies, namespaces, shop, {})), ["mesh", "all"]);
});

test("policies with targets are for the gateways that they name in their own namespace", () => {
  const labels = { "gateway.networking.k8s.io/gateway-name": "front" };
  assert.deepEqual(names(policiesFor(policies, namespaces, { namespace: "shop" }, labels)), [
    "mesh",
    "all",
    "front",
    "front-old",
  ]);
});

test("what isn't concerned by a change stays the same list", () => {
  const proxy = { namespace: "shop" };
  const labels = { app: "web" };
  const before = policiesFor(policies, namespaces, proxy, labels);
  const same = [...policies.values()].flat();
  const changed = grouped([...same, policy("other", "new", {})], policies);
  assert.equal(changed.get("shop"), policies.get("shop"));
  assert.equal(policiesFor(changed, namespaces, proxy, labels), before);
  assert.equal(policiesFor(changed, namespaces, { namespace: "shop" }, { app: "web" }), before);
  const own = grouped([...same, policy("shop", "new", {})], changed);
  assert.deepEqual(names(policiesFor(own, namespaces, proxy, labels)), [...names(before), "new"]);
});
