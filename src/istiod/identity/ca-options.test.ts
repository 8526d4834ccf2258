import assert from "node:assert/strict";
import { test } from "node:test";
import { readCaOptions } from "./ca-options.ts";

test("the variables are Istio's, and a root is an elliptic curve's unless RSA is asked for", () => {
  const usual = readCaOptions({});
  assert.equal(usual.root.kind, "P-256");
  assert.equal(usual.root.lifetimeMs, 3650 * 24 * 3_600_000);
  assert.deepEqual(usual.lifetimeMs, { usual: 24 * 3_600_000, longest: 90 * 24 * 3_600_000 });
  assert.deepEqual(usual.audiences, ["istio-ca"]);
  assert.equal(usual.external, undefined);
  assert.deepEqual(readCaOptions({ CITADEL_SELF_SIGNED_CA_RSA_KEY_SIZE: "4096" }).root.kind, { rsaBits: 4096 });
  assert.equal(readCaOptions({ ECC_CURVE: "P384" }).root.kind, "P-384");
  assert.deepEqual(readCaOptions({ TOKEN_AUDIENCES: "istio-ca, vault" }).audiences, ["istio-ca", "vault"]);
  assert.equal(readCaOptions({ CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL: "0s" }).rotation.isAutomatic, false);
  assert.deepEqual(readCaOptions({ EXTERNAL_CA: "ISTIOD_RA_KUBERNETES_API", CERT_SIGNER_DOMAIN: "a.b" }).external, {
    usual: "",
    domain: "a.b",
  });
});

test("what can't be used is refused, with the variable", () => {
  for (const [name, value] of [
    ["CITADEL_SELF_SIGNED_CA_CERT_TTL", "ten years"],
    ["CITADEL_SELF_SIGNED_CA_RSA_KEY_SIZE", "1024"],
    ["CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE", "100"],
    ["MAX_WORKLOAD_CERT_TTL", "1 day"],
    ["EXTERNAL_CA", "SOMEBODY"],
    ["EXTERNAL_CA", "ISTIOD_RA_KUBERNETES_API"],
  ] as const)
    assert.throws(() => readCaOptions({ [name]: value }), new RegExp(`^Error: ${name}: `));
});
