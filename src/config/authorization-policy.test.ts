import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import { authorizationPolicyKind } from "./authorization-policy.ts";

function told(spec: AuthorizationPolicySpec, annotations: Record<string, string> = {}): readonly string[] {
  const metadata = { name: "a", namespace: "default", annotations };
  return authorizationPolicyKind.validate({ metadata, spec }).errors.map(({ field }) => field);
}

const paths = (...values: readonly string[]): AuthorizationPolicySpec => ({
  rules: [{ to: [{ operation: { paths: values } }] }],
});
const when = (key: string, ...values: readonly string[]): AuthorizationPolicySpec => ({
  rules: [{ when: [{ key, values }] }],
});

test("templates of paths have whole segments as operators", () => {
  assert.deepEqual(told(paths("/a/{*}/b", "/{**}", "/{*}/{*}/{**}/x", "/plain*", "*", "plain", "/a b")), []);
  for (const bad of ["/a{*}", "/{**}/{*}", "/{**}/{**}", "/{a}", "/{*", "a/{*}", "/a b/{*}", "/a*/{*}"])
    assert.deepEqual(told(paths("/fine", bad)), ["spec.rules[0].to[0].operation.paths[1]"], bad);
});

test("conditions are on attributes that there are, with values of their kind", () => {
  for (const key of ["request.headers[:path]", "request.auth.claims[a][b]", "experimental.envoy.filters.a.b[c]"])
    assert.deepEqual(told(when(key, "x")), [], key);
  for (const key of ["request.headers[]", "request.headers[a b]", "request.headers", "destination.labels[x]", "x"])
    assert.deepEqual(told(when(key, "x")), ["spec.rules[0].when[0].key"], key);
  assert.deepEqual(told(when("destination.port", "80", "http")), ["spec.rules[0].when[0].values[1]"]);
  assert.deepEqual(told(when("source.ip", "10.0.0.0/33")), ["spec.rules[0].when[0].values[0]"]);
  assert.deepEqual(told(when("source.ip")), ["spec.rules[0].when[0]"]);
  assert.deepEqual(told(when("source.principal", "x".repeat(5000))), ["spec.rules[0].when[0].values[0]"]);
});

test("only ALLOW and DENY are tried without effect", () => {
  const dry = { "istio.io/dry-run": "true" };
  const field = 'metadata.annotations["istio.io/dry-run"]';
  assert.deepEqual(told({}, dry), []);
  assert.deepEqual(told({ action: "DENY", rules: [{}] }, { "istio.io/dry-run": "maybe" }), [field]);
  assert.deepEqual(told({ action: "CUSTOM", provider: { name: "a" }, rules: [{}] }, dry), [field]);
});

test("what never matches is refused for actions that do something when it matches", () => {
  assert.deepEqual(told({ action: "DENY" }), ["spec.rules"]);
  assert.deepEqual(told({ action: "CUSTOM", provider: { name: "a" }, rules: [] }), ["spec.rules"]);
  assert.deepEqual(told({ action: "ALLOW", rules: [] }), []);
});
