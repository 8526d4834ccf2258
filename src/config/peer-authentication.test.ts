import assert from "node:assert/strict";
import test from "node:test";
import { formatFieldError } from "./field-error.ts";
import { peerAuthenticationKind } from "./peer-authentication.ts";

const selector = { matchLabels: { app: "httpbin" } };

function verdict(spec: object): { errors: readonly string[]; warnings: readonly string[] } {
  const { errors, warnings } = peerAuthenticationKind.validate({ metadata: { name: "p", namespace: "n" }, spec });
  return { errors: errors.map(formatFieldError), warnings: warnings.map(formatFieldError) };
}

test("a policy for some workloads and their ports", () => {
  const spec = { selector, mtls: { mode: "STRICT" }, portLevelMtls: { 8080: { mode: "DISABLE" }, 9090: {} } };
  assert.deepEqual(verdict(spec), { errors: [], warnings: [] });
});

test("errors name the field and the value", () => {
  assert.deepEqual(verdict({ mtls: { mode: "strict" } }).errors, [
    'spec.mtls.mode: "strict": must be one of UNSET, DISABLE, PERMISSIVE, STRICT',
  ]);
  assert.deepEqual(verdict({ portLevelMtls: { 80: {} } }).errors, [
    "spec.portLevelMtls: needs a selector: ports are those of some workloads",
  ]);
  assert.deepEqual(verdict({ selector, portLevelMtls: { http: {} } }).errors, [
    'spec.portLevelMtls["http"]: "http": is not a port number between 1 and 65535',
  ]);
  assert.deepEqual(verdict({ selector: { matchLabels: { app: "*" } } }).errors, [
    'spec.selector.matchLabels["app"]: "*": must not have a wildcard',
  ]);
});

test("a selector that selects everything is told", () => {
  assert.deepEqual(verdict({ selector: {} }).warnings, [
    "spec.selector: without labels takes in every workload of the namespace",
  ]);
});
