import assert from "node:assert/strict";
import { test } from "node:test";
import type { JWTRule, RequestAuthentication, RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import { requestAuthenticationKind } from "#config/request-authentication.ts";
import { bookinfo, keyed, productpageProxy } from "./bookinfo.fixture.ts";
import { envoyAccepts, noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

/* What validation lets through, Envoy must take: one rule that it refuses takes a whole listener down. */

const jwks = '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}';
const strange = [
  "",
  " ",
  "a b",
  "\n",
  "a\r\n",
  "\u0000",
  "\u007f",
  "é",
  "\ud800",
  ":path",
  "a:b",
  "%",
  "*",
  "[",
  '"',
  ".",
];
const times = ["0s", "1ms", "1.5s", "1h", "87600h", "2562047h", "99999999h", "-1s", "x", ""];

function* rules(): Generator<JWTRule> {
  const issuer = "https://issuer.example";
  for (const text of [...strange, "x".repeat(100_000)]) {
    yield { issuer: text, jwks };
    yield { issuer, jwks, audiences: [text] };
    yield { issuer, jwks, fromHeaders: [{ name: text }] };
    yield { issuer, jwks, fromHeaders: [{ name: "x", prefix: text }] };
    yield { issuer, jwks, fromParams: [text] };
    yield { issuer, jwks, fromCookies: [text] };
    yield { issuer, jwks, outputPayloadToHeader: text };
    yield { issuer, jwks, outputClaimToHeaders: [{ header: text, claim: "a" }] };
    yield { issuer, jwks, outputClaimToHeaders: [{ header: "x", claim: text }] };
    yield { issuer, jwks, spaceDelimitedClaims: [text] };
    yield { issuer, jwksUri: text };
    yield { issuer, jwksUri: `http://${text}` };
    yield { issuer, jwksUri: `http://a.example/${text}` };
  }
  for (const timeout of times) yield { issuer, jwksUri: "https://a.example", timeout };
  yield { issuer, jwks, fromHeaders: ["host", "cookie", "authorization"].map((name) => ({ name })) };
  yield { jwksUri: "https://a.example" };
}

function isValid(spec: RequestAuthenticationSpec): boolean {
  return (
    requestAuthenticationKind.validate({ metadata: { name: "a", namespace: "default" }, spec }).errors.length === 0
  );
}

for (const reader of ["istiod", "envoy"] as const)
  test(`Envoy accepts every rule that is valid, with keys that ${reader} reads`, { skip: noEnvoy }, () => {
    const jwtRules = [...rules()].filter((rule) => isValid({ jwtRules: [rule] }));
    assert.ok(jwtRules.length > 100, String(jwtRules.length));
    const policy: RequestAuthentication = {
      apiVersion: "security.istio.io/v1",
      kind: "RequestAuthentication",
      metadata: { name: "a", namespace: "default" },
      spec: { jwtRules },
    };
    const tokenKeys = { reader, read: new Map() };
    const input = bookinfo({ requestAuthentications: keyed([policy]), tokenKeys });
    envoyAccepts(staticBootstrap(input, productpageProxy));
  });
