import assert from "node:assert/strict";
import { test } from "node:test";
import type { RbacConfig } from "../../proxy-config/envoy-dump.ts";
import { authorizationRows } from "./rows.ts";

const rule = (name: string, index = 0): string => `ns[shop]-policy[${name}]-rule[${index}]`;
const policies = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));

function http(config: RbacConfig) {
  return {
    name: "envoy.filters.http.rbac",
    typed_config: { "@type": "x/envoy.extensions.filters.http.rbac.v3.RBAC", ...config },
  };
}
function tcp(config: RbacConfig) {
  const type = "x/envoy.extensions.filters.network.rbac.v3.RBAC";
  return { name: "envoy.filters.network.rbac", typed_config: { "@type": type, ...config } };
}
function dumpOf(...filters: readonly ReturnType<typeof http>[]) {
  const chain = { filters: [{ name: "hcm", typed_config: { "@type": "x/Hcm", http_filters: filters } }] };
  const others = { filters: [tcp({ rules: { policies: policies(rule("read")) } })] };
  const listener = { name: "virtualInbound", filter_chains: [chain, others, chain] };
  return { configs: [{ "@type": "x/ListenersConfigDump", dynamic_listeners: [{ active_state: { listener } }] }] };
}

test("a row for each policy and what it does, with its rules counted once", () => {
  const rows = authorizationRows(
    dumpOf(
      http({
        shadow_rules: { action: "DENY", policies: policies(`istio-ext-authz-it-${rule("ask")}`) },
        shadow_rules_stat_prefix: "istio_ext_authz_",
      }),
      http({ rules: { action: "LOG", policies: policies(rule("audit")) } }),
      http({
        rules: { action: "DENY", policies: policies(rule("no"), rule("no", 1)) },
        shadow_rules: { action: "DENY", policies: policies(rule("try")) },
        shadow_rules_stat_prefix: "istio_dry_run_deny_",
      }),
      http({ rules: { policies: policies(rule("write"), rule("read", 1), rule("read")) } }),
    ),
  );
  assert.deepEqual(rows, [
    ["ACTION", "AuthorizationPolicy", "RULES"],
    ["CUSTOM", "ask.shop", "1"],
    ["AUDIT", "audit.shop", "1"],
    ["DENY", "no.shop", "2"],
    ["DENY (dry-run)", "try.shop", "1"],
    ["ALLOW", "read.shop", "2"],
    ["ALLOW", "write.shop", "1"],
  ]);
});

test("an authorizer that can't be asked, and rules that are all left out, can be seen", () => {
  const bad = `istio-ext-authz-gone-${rule("ask")}-deny-due-to-bad-CUSTOM-action`;
  const rows = authorizationRows(
    dumpOf(http({ rules: { action: "DENY", policies: policies(bad) } }), http({ rules: {} })),
  );
  assert.deepEqual(rows.slice(1), [
    ["CUSTOM (denied)", "ask.shop", "1"],
    ["ALLOW", "_anonymous_match_nothing_", "1"],
    ["ALLOW", "read.shop", "1"],
  ]);
});

test("a proxy without policies has none", () => {
  assert.equal(authorizationRows({}).length, 1);
});
