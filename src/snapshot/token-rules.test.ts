import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { JWTRule, RequestAuthentication } from "#api/istio/request-authentication.ts";
import { readKeySet } from "#config/key-set.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { buildSnapshot } from "./build.ts";
import { emptyInput, type MeshInput } from "./input.ts";
import type { TokenKeys } from "./token-keys.ts";
import { nobodysKeys, tokenRules, wantedKeys } from "./token-rules.ts";

function policy(name: string, ...jwtRules: readonly JWTRule[]): RequestAuthentication {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name, namespace: "default" },
    spec: { jwtRules },
  };
}

function inputOf(policies: readonly RequestAuthentication[], tokenKeys?: TokenKeys): MeshInput {
  const requestAuthentications = new Map(policies.map((one) => [`default/${one.metadata.name}`, one]));
  return { ...emptyInput(defaultMeshConfig), requestAuthentications, ...(tokenKeys ? { tokenKeys } : {}) };
}

const issuer = "https://issuer.example";
const text = '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}';

test("nobody knows the key of nobody's keys: its point follows from a hash", () => {
  const { keys } = JSON.parse(nobodysKeys.text) as { keys: readonly { x: string }[] };
  const x = BigInt(`0x${Buffer.from(keys[0]?.x ?? "", "base64url").toString("hex")}`);
  const hash = createHash("sha256").update("Nobody has the key to this point.").digest("hex");
  assert.equal(x - BigInt(`0x${hash}`), 2n);
  assert.equal(typeof readKeySet(nobodysKeys.text), "object");
});

test("rules come by issuer, with their own keys, those that were read, or nobody's", () => {
  const policies = [
    policy("b", { issuer: "b", jwks: text }, { issuer: "d", jwksUri: "https://d.example/keys" }),
    policy("a", { issuer: "c", jwksUri: "https://c.example/keys" }, { issuer: "a" }),
  ];
  const read = new Map([["keys https://c.example/keys", { text: "c's" }]]);
  const snapshot = buildSnapshot(undefined, inputOf(policies, { reader: "istiod", read }), {});
  const rules = tokenRules(snapshot, policies);
  assert.deepEqual(
    rules.map(({ rule, keys }) => [rule.issuer, "text" in keys ? keys.text : keys]),
    [
      ["a", nobodysKeys.text],
      ["b", text],
      ["c", "c's"],
      ["d", nobodysKeys.text],
    ],
  );
});

test("keys that change make new what has them, and nothing else", () => {
  const policies = [policy("a", { issuer, jwksUri: "https://a.example/keys" })];
  const others = [policy("b", { issuer, jwksUri: "https://b.example/keys" })];
  const kept = { text };
  const keysWith = (a: string): TokenKeys => ({
    reader: "istiod",
    read: new Map([
      ["keys https://a.example/keys", { text: a }],
      ["keys https://b.example/keys", kept],
    ]),
  });
  const before = buildSnapshot(undefined, inputOf(policies, keysWith("1")), {});
  const after = buildSnapshot(before, { ...before.input, tokenKeys: keysWith("2") }, {});
  assert.notEqual(tokenRules(after, policies), tokenRules(before, policies));
  assert.equal(tokenRules(after, others), tokenRules(before, others));
  assert.equal(tokenRules(before, [...policies, ...policies])[0], tokenRules(before, policies)[0]);
});

test("what istiod has to read: each source once, with the longest time that a rule gives it", () => {
  const policies = [
    policy("a", { issuer }, { issuer: `${issuer}/`, timeout: "9s" }, { issuer: "me@example" }),
    policy(
      "b",
      { issuer, timeout: "7s" },
      { issuer, jwksUri: "https://keys.example" },
      { issuer, jwks: text },
      { issuer: "ftp://x.example" },
    ),
  ];
  const wanted = wantedKeys(buildSnapshot(undefined, inputOf(policies), {}));
  assert.deepEqual(
    [...wanted].map(([id, { timeoutMs, policies: by }]) => [id, timeoutMs, by.length]),
    [
      [`discovery ${issuer}/.well-known/openid-configuration`, 9000, 3],
      ["keys https://keys.example", 5000, 1],
    ],
  );
});

test("where Envoy reads keys, a rule's URL leads to a service of the mesh", () => {
  const services: MeshInput["services"] = new Map([
    [
      "auth/issuer",
      {
        metadata: { name: "issuer", namespace: "auth" },
        spec: { clusterIP: "192.0.2.1", ports: [{ name: "http", port: 80 }] },
      },
    ],
  ]);
  const keysAt = (jwksUri: string, reader: TokenKeys["reader"]) => {
    const policies = [policy("a", { issuer, jwksUri })];
    const input = { ...inputOf(policies, { reader, read: new Map() }), services };
    const [rule] = tokenRules(buildSnapshot(undefined, input, {}), policies);
    return rule && ("text" in rule.keys ? "istiod" : `${rule.keys.hostname}:${rule.keys.port}`);
  };
  const full = "issuer.auth.svc.cluster.local";
  for (const host of ["issuer.auth", "issuer.auth.svc", full]) {
    assert.equal(keysAt(`http://${host}/keys`, "hybrid"), `${full}:80`);
    assert.equal(keysAt(`http://${host}/keys`, "istiod"), "istiod");
  }
  assert.equal(keysAt("https://issuer.auth/keys", "hybrid"), "istiod");
  assert.equal(keysAt("https://elsewhere.example/keys", "hybrid"), "istiod");
  assert.equal(keysAt("https://elsewhere.example/keys", "envoy"), "elsewhere.example:443");
});
