import assert from "node:assert/strict";
import { test } from "node:test";
import type { JWTRule, RequestAuthentication } from "#api/istio/request-authentication.ts";
import { readKeySet } from "#config/key-set.ts";
import { bookinfo, keyed, productpageProxy } from "./bookinfo.fixture.ts";
import { envoyAccepts, noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";
import { ecKey, edKey, rsaKey } from "./token.fixture.ts";

/* One key set that Envoy refuses takes a whole listener down, so all that we take, in whatever form, it must take. */

const rsa = rsaKey("rsa").jwk;
const keys: readonly Readonly<Record<string, unknown>>[] = [
  { ...rsa, alg: "RS256", use: "sig" },
  { ...ecKey("ec").jwk, alg: "ES256" },
  { ...edKey("ed").jwk, alg: "EdDSA" },
  { kty: "oct", kid: "oct", k: "c2VjcmV0", alg: "HS256" },
];

const texts = ["", " ", "=", "==", "A", "AA==", "AAAA", "AQAB", "Aw", "!", "é", "\u0000", "\n", "\ud800", '"', "\\"];
const algorithms = ["RS512", "PS256", "ES384", "ES256K", "HS512", "RSA-OAEP", "EdDSA", "none"];
const curves = ["P-384", "secp256k1", "Ed448", "X25519"];
const modulus = rsa.n ?? "";
const numbers = [
  modulus,
  `${modulus}==`,
  `${modulus}=`,
  `${modulus}+`,
  modulus.slice(1),
  "w".repeat(100),
  "w".repeat(3000),
];
const others: readonly unknown[] = [0, 1e308, true, null, [], {}, { kty: "RSA" }];
const strange: readonly unknown[] = [...texts, ...algorithms, ...curves, ...numbers, ...others];

/** Each key with one member after another made strange, or taken away; and sets of odd form. */
function* sets(): Generator<string> {
  for (const key of keys) {
    yield JSON.stringify(key);
    for (const name of [...Object.keys(key), "x5c", "__proto__"]) {
      const { [name]: _gone, ...rest } = key;
      yield JSON.stringify({ keys: [rest] });
      for (const value of strange) {
        yield JSON.stringify({ keys: [{ ...key, [name]: value }] });
        yield JSON.stringify({ keys: [{ ...key, [name]: value }, rsa] });
      }
    }
  }
  const text = JSON.stringify(rsa);
  yield `{"keys":[],"keys":[${text}]}`;
  yield `{"keys":[${text}],"x":1e999}`;
  yield `{"keys":[${text}],"x":${"[".repeat(500)}${"]".repeat(500)}}`;
  yield `{"keys":[${text}],"x":"\\ud800"}`;
  yield `{"keys":[{"kid":"a","kid":"b",${text.slice(1)}]}`;
  yield JSON.stringify({ keys: Array.from({ length: 100 }, () => rsa) });
}

test("Envoy accepts every key set that is accepted", { skip: noEnvoy }, () => {
  const taken = [...sets()].filter((jwks) => typeof readKeySet(jwks) === "object");
  assert.ok(taken.length > 1000, String(taken.length));
  const jwtRules = taken.map((jwks, index): JWTRule => ({ issuer: `issuer ${index}`, jwks }));
  const policy: RequestAuthentication = {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: "a", namespace: "default" },
    spec: { jwtRules },
  };
  envoyAccepts(staticBootstrap(bookinfo({ requestAuthentications: keyed([policy]) }), productpageProxy));
});
