import assert from "node:assert/strict";
import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { test } from "node:test";
import { readKeySet } from "./key-set.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicRsa = rsa.publicKey.export({ format: "jwk" });
const publicEc = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
const publicEd = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });

function keysOf(text: string): readonly JsonWebKey[] {
  const set = readKeySet(text);
  assert.ok(typeof set === "object");
  return (JSON.parse(set.text) as { keys: JsonWebKey[] }).keys;
}

function setOf(...keys: readonly unknown[]): string {
  return JSON.stringify({ keys });
}

test("keys of all types that Envoy checks with are kept, with what tells them apart", () => {
  const oct = { kty: "oct", k: "c2VjcmV0", alg: "HS256" };
  const given = [{ ...publicRsa, kid: "a", alg: "RS256", use: "sig" }, publicEc, publicEd, oct];
  assert.deepEqual(
    keysOf(setOf(...given)).map(({ kty, kid }) => [kty, kid]),
    [
      ["RSA", "a"],
      ["EC", undefined],
      ["OKP", undefined],
      ["oct", undefined],
    ],
  );
});

test("what only who signs should have isn't handed on, and told", () => {
  const set = readKeySet(setOf(rsa.privateKey.export({ format: "jwk" })));
  assert.ok(typeof set === "object" && set.isPrivate);
  assert.deepEqual(Object.keys(keysOf(set.text)[0] ?? {}).sort(), ["e", "kty", "n"]);
});

test("a key alone is a set of one", () => {
  assert.equal(keysOf(JSON.stringify(publicEc)).length, 1);
});

test("a short RSA key is told of, one that anybody can break isn't used", () => {
  const short = (bits: number): JsonWebKey =>
    generateKeyPairSync("rsa", { modulusLength: bits }).publicKey.export({ format: "jwk" });
  const weak = readKeySet(setOf(short(1024)));
  assert.ok(typeof weak === "object" && weak.isWeak);
  assert.equal(typeof readKeySet(setOf(short(512))), "string");
  const good = readKeySet(setOf(publicRsa));
  assert.ok(typeof good === "object" && !good.isWeak);
});

const unusable: Readonly<Record<string, unknown>> = {
  "a null": null,
  "a text": "x",
  "no type": {},
  "a type of the language": { kty: "constructor" },
  "an RSA key without a modulus": { kty: "RSA", e: "AQAB" },
  "an RSA key with another alphabet": { ...publicRsa, n: `${publicRsa.n?.slice(0, -1)}+` },
  "an RSA key that is too long": { ...publicRsa, n: "w".repeat(2800) },
  "an RSA key with an even exponent": { ...publicRsa, e: "Ag" },
  "an RSA key for HMAC": { ...publicRsa, alg: "HS256" },
  "an RSA key for no algorithm": { ...publicRsa, alg: "none" },
  "an RSA key with a broken name": { ...publicRsa, kid: "\ud800" },
  "a point off its curve": { ...publicEc, y: publicEc.x },
  "another curve": { ...publicEc, crv: "secp256k1" },
  "an algorithm of another curve": { ...publicEc, alg: "ES384" },
  "another Edwards curve": { ...publicEd, crv: "Ed448" },
  "an empty secret": { kty: "oct", k: "" },
};
for (const [name, key] of Object.entries(unusable))
  test(`${name} is left out, and alone is no set`, () => {
    assert.equal(typeof readKeySet(setOf(key)), "string");
    assert.equal(keysOf(setOf(key, publicRsa)).length, 1);
  });

for (const text of ["", "<html>", "[]", "null", '"x"', "{}", '{"keys":{}}', '{"keys":[]}'])
  test(`${JSON.stringify(text)} is no set`, () => assert.equal(typeof readKeySet(text), "string"));

test("a set of too many keys is refused", () => {
  const keys = Array.from({ length: 101 }, () => publicRsa);
  assert.equal(readKeySet(setOf(...keys)), "has more than 100 keys");
  assert.equal(typeof readKeySet(setOf(...keys.slice(1))), "object");
  const long = { ...publicRsa, kid: "x".repeat(10_000) };
  assert.equal(readKeySet(setOf(...Array.from({ length: 20 }, () => long))), "is longer than 131072 characters");
});
