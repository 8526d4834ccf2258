import assert from "node:assert/strict";
import { test } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import { PolicySchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { AuthorizationRule } from "#api/istio/authorization-policy.ts";
import { type RuleUse, rulePolicy } from "./rule.ts";

const use: RuleUse = { namespace: "shop", trustDomains: ["cluster.local"], seen: "requests", mayWiden: false };
const anything = {
  permissions: [{ andRules: { rules: [{ any: true }] } }],
  principals: [{ andIds: { ids: [{ any: true }] } }],
};

function said(rule: AuthorizationRule, changes: Partial<RuleUse> = {}): unknown {
  const policy = rulePolicy(rule, { ...use, ...changes });
  return policy && toJson(PolicySchema, policy);
}

test("a rule without parts takes in every call", () => {
  assert.deepEqual(said({}), anything);
});

test("what only requests have allows nothing, and forbids no less, where there are only connections", () => {
  const rule = { to: [{ operation: { methods: ["GET"] } }] };
  assert.equal(said(rule, { seen: "connections" }), undefined);
  assert.deepEqual(said(rule, { seen: "connections", mayWiden: true }), anything);
});

// None of these gets past validation; if one slips past, it must not let anybody in.
const mistakes: Readonly<Record<string, AuthorizationRule>> = {
  "a source that says nothing": { from: [{ source: {} }] },
  "no source": { from: [{}] },
  "no alternatives": { from: [] },
  "an operation that says nothing": { to: [{ operation: {} }] },
  "an unknown attribute": { when: [{ key: "request.colour", values: ["red"] }] },
  "a condition without values": { when: [{ key: "source.ip" }] },
  "a bad address among good ones": { from: [{ source: { ipBlocks: ["10.0.0.1", "10.0.0.0/99"] } }] },
  "a bad port": { to: [{ operation: { ports: ["http"] } }] },
  "a header without a name": { when: [{ key: "request.headers[]", values: ["x"] }] },
  "a bad address that isn't meant": { from: [{ source: { notIpBlocks: ["nowhere"] } }] },
};
for (const [name, rule] of Object.entries(mistakes)) {
  test(`a mistake allows nothing: ${name}`, () => {
    assert.equal(said(rule), undefined);
    assert.deepEqual(said(rule, { mayWiden: true }), anything);
  });
}
