import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { JWTRule, RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import type { Verdict } from "./field-error.ts";
import { requestAuthenticationKind } from "./request-authentication.ts";

function verdictOf(spec: RequestAuthenticationSpec): Verdict {
  return requestAuthenticationKind.validate({ metadata: { name: "a", namespace: "default" }, spec });
}

function fields(findings: Verdict["errors"]): readonly string[] {
  return findings.map(({ field }) => field);
}

const issuer = "https://issuer.example";
const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwks = JSON.stringify({ keys: [pair.publicKey.export({ format: "jwk" })] });

const refused: readonly (readonly [string, JWTRule, string])[] = [
  ["keys that are no JSON", { issuer, jwks: "<html>" }, "jwks"],
  ["keys that Envoy can't use", { issuer, jwks: '{"keys":[]}' }, "jwks"],
  ["keys from a file", { issuer, jwksUri: "file:///etc/passwd" }, "jwksUri"],
  ["keys from nowhere", { issuer, jwks_uri: "issuer.example" }, "jwks_uri"],
  ["a header with a space", { issuer, jwks, fromHeaders: [{ name: "x token" }] }, "fromHeaders[0].name"],
  ["a header for claims with a line end", { issuer, jwks, outputPayloadToHeader: "x\n" }, "outputPayloadToHeader"],
];
for (const [name, rule, field] of refused)
  test(`refuses ${name} and names the field`, () =>
    assert.deepEqual(fields(verdictOf({ jwtRules: [rule] }).errors), [`spec.jwtRules[0].${field}`]));

test("refuses two sources of keys", () => {
  const { errors } = verdictOf({ jwtRules: [{ issuer, jwks, jwksUri: "https://issuer.example/keys" }] });
  assert.deepEqual(fields(errors), ["spec.jwtRules[0]"]);
});

test("a private key is warned of, and isn't repeated", () => {
  const secret = pair.privateKey.export({ format: "jwk" });
  const { errors, warnings } = verdictOf({ jwtRules: [{ issuer, jwks: JSON.stringify({ keys: [secret] }) }] });
  assert.deepEqual(errors, []);
  assert.deepEqual(fields(warnings), ["spec.jwtRules[0].jwks"]);
  assert.doesNotMatch(JSON.stringify(warnings), new RegExp(String(secret.d)));
});

test("an issuer whose keys can't be found is warned of", () => {
  assert.deepEqual(fields(verdictOf({ jwtRules: [{ issuer: "me@example" }] }).warnings), ["spec.jwtRules[0].issuer"]);
  assert.deepEqual(verdictOf({ jwtRules: [{ issuer }] }), { errors: [], warnings: [] });
});

test("only one way to say for whom", () => {
  const target = { group: "", kind: "Service", name: "a" };
  assert.deepEqual(fields(verdictOf({ selector: {}, targetRefs: [target] }).errors), ["spec"]);
});
