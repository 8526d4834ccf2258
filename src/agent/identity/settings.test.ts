import assert from "node:assert/strict";
import { test } from "node:test";
import { type IdentitySettings, identitySettings } from "./settings.ts";

const rootPath = "/var/run/secrets/istio/root-cert.pem";
const discovery = { address: "istiod.istio-system.svc:15012", plaintext: false, rootPath };
const read = (env: Record<string, string> = {}): IdentitySettings => identitySettings(env, discovery);

test("keys are ECDSA P-256, another curve, or RSA of a size", () => {
  assert.equal(read().keyKind, "P-256");
  assert.equal(read({ ECC_SIGNATURE_ALGORITHM: "ECDSA", ECC_CURVE: "P384" }).keyKind, "P-384");
  assert.deepEqual(read({ WORKLOAD_RSA_KEY_SIZE: "4096" }).keyKind, { rsaBits: 4096 });
  assert.equal(read({ WORKLOAD_RSA_KEY_SIZE: "4096", ECC_SIGNATURE_ALGORITHM: "ECDSA" }).keyKind, "P-256");
});

test("certificates come from istiod, unless CA_ADDR says who else", () => {
  assert.deepEqual(read().authority, discovery);
  const { authority } = read({ CA_ADDR: "ca.example:443", CA_ROOT_CA: "SYSTEM" });
  assert.deepEqual(authority, { address: "ca.example:443", plaintext: false, rootPath: "SYSTEM" });
  assert.equal(read({ CA_ADDR: "istiod:15010" }).authority?.plaintext, true);
});

test("what can't be used is named", () => {
  assert.throws(() => read({ ECC_CURVE: "P521" }), /ECC_CURVE: 'P521'/);
  assert.throws(() => read({ ECC_SIGNATURE_ALGORITHM: "ED25519" }), /ECC_SIGNATURE_ALGORITHM: 'ED25519'/);
  assert.throws(() => read({ WORKLOAD_RSA_KEY_SIZE: "512" }), /WORKLOAD_RSA_KEY_SIZE: '512'/);
  assert.throws(() => read({ SECRET_TTL: "1 day" }), /SECRET_TTL: '1 day'/);
  assert.throws(() => read({ SECRET_GRACE_PERIOD_RATIO: "50%" }), /SECRET_GRACE_PERIOD_RATIO: '50%'/);
  assert.throws(() => read({ WORKLOAD_IDENTITY_SOCKET_FILE: "../socket" }), /'..\/socket' is a path/);
});
