import assert from "node:assert/strict";
import test from "node:test";
import type { PeerAuthentication, PeerAuthenticationSpec } from "#api/istio/peer-authentication.ts";
import { modeOfPort } from "#model/mutual-tls.ts";
import { inboundMutualTls, namespaceMutualTls, peerPolicies } from "./peer-authentications.ts";

function policy(namespace: string, spec: PeerAuthenticationSpec): PeerAuthentication {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: "p", namespace },
    spec,
  };
}

const web = { namespace: "shop", labels: { app: "web" } };
const selector = { matchLabels: { app: "web" } };

test("without policies both plain text and mutual TLS are taken in", () => {
  const policies = peerPolicies([], "istio-system");
  assert.equal(inboundMutualTls(policies, web).mode, "PERMISSIVE");
  assert.equal(namespaceMutualTls(policies, "shop"), undefined);
});

test("the narrowest policy that says something counts, and of equal ones the oldest", () => {
  const policies = peerPolicies(
    [
      policy("istio-system", { mtls: { mode: "STRICT" } }),
      policy("shop", { mtls: { mode: "UNSET" } }),
      policy("shop", { mtls: { mode: "DISABLE" } }),
      policy("shop", { selector, portLevelMtls: { 80: { mode: "PERMISSIVE" }, 90: { mode: "UNSET" } } }),
      policy("shop", { selector, mtls: { mode: "DISABLE" } }),
    ],
    "istio-system",
  );
  const found = inboundMutualTls(policies, web);
  assert.equal(modeOfPort(found, 8080), "STRICT");
  assert.equal(modeOfPort(found, 80), "PERMISSIVE");
  assert.equal(modeOfPort(found, 90), "STRICT");
  assert.equal(namespaceMutualTls(policies, "shop"), "STRICT");
});

test("a policy of the root namespace that selects is for nobody", () => {
  const policies = peerPolicies([policy("istio-system", { selector, mtls: { mode: "STRICT" } })], "istio-system");
  assert.equal(inboundMutualTls(policies, web).mode, "PERMISSIVE");
  assert.equal(inboundMutualTls(policies, { ...web, namespace: "istio-system" }).mode, "PERMISSIVE");
});

test("workloads that take in the same have the same object", () => {
  const [first, second] = ["STRICT", "STRICT"].map((mode) =>
    inboundMutualTls(peerPolicies([policy("shop", { mtls: { mode: mode as "STRICT" } })], "istio-system"), web),
  );
  assert.equal(first, second);
});
