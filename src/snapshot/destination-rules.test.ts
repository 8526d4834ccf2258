import assert from "node:assert/strict";
import { test } from "node:test";
import type { DestinationRule, DestinationRuleSpec } from "#api/istio/destination-rule.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { chosenPolicies, findDestinationPolicy, mergeDestinationRules } from "./destination-rules.ts";

const hostname = "a.shop.svc.cluster.local";

function rule(name: string, spec: Omit<DestinationRuleSpec, "host"> & { host?: string }, namespace = "shop") {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace },
    spec: { host: hostname, trafficPolicy: { loadBalancer: { simple: "RANDOM" } }, ...spec },
  } satisfies DestinationRule;
}

function usedBy(
  rules: readonly DestinationRule[],
  namespace: string,
  labels: Readonly<Record<string, string>> = {},
): string | undefined {
  const policies = mergeDestinationRules(rules, "cluster.local", defaultMeshConfig);
  const chosen = chosenPolicies(policies, namespace, labels);
  return findDestinationPolicy(policies, namespace, { hostname, namespace: "shop" }, "istio-system", chosen)?.name;
}

const egress = { workloadSelector: { matchLabels: { app: "egress" } } };

test("a rule with a selector is only for the workloads that it selects, and comes before others there", () => {
  const rules = [rule("all", {}), rule("egress", egress)];
  assert.equal(usedBy(rules, "shop", { app: "egress" }), "egress");
  assert.equal(usedBy(rules, "shop", { app: "web" }), "all");
  assert.equal(usedBy(rules, "other", { app: "egress" }), "all");
  assert.equal(usedBy([rule("egress", egress)], "shop", { app: "web" }), undefined);
});

test("a rule for the very host comes before a pattern, whoever it is for", () => {
  const rules = [rule("all", {}), rule("egress", { ...egress, host: "*.shop.svc.cluster.local" })];
  assert.equal(usedBy(rules, "shop", { app: "egress" }), "all");
});

test("the client's namespace comes first, then the service's, then the root namespace", () => {
  const rules = [rule("mine", {}, "client"), rule("theirs", {}), rule("root", { host: "*.local" }, "istio-system")];
  assert.equal(usedBy(rules, "client"), "mine");
  assert.equal(usedBy(rules, "other"), "theirs");
  assert.equal(usedBy([rule("theirs", { exportTo: ["."] }), ...rules.slice(2)], "other"), "root");
});

test("rules for different clients aren't merged", () => {
  const subset = (name: string) => ({ subsets: [{ name, labels: { version: name } }] });
  const rules = [
    rule("one", { ...subset("v1"), exportTo: ["."] }),
    rule("two", { ...subset("v2"), exportTo: ["*"] }),
    rule("three", { ...subset("v3"), exportTo: ["*"] }),
  ];
  const policies = mergeDestinationRules(rules, "cluster.local", defaultMeshConfig);
  const found = findDestinationPolicy(policies, "other", { hostname, namespace: "shop" }, "istio-system");
  assert.deepEqual(
    found?.subsets.map(({ name }) => name),
    ["v2", "v3"],
  );
});
