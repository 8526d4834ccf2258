import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from "node:crypto";

/** Keys and tokens for tests, also such as no library would make. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public half, as key sets have it. */
  readonly jwk: JsonWebKey & { readonly kid: string };
}

export function rsaKey(kid: string): SigningKey {
  return withJwk(kid, generateKeyPairSync("rsa", { modulusLength: 2048 }));
}

export function ecKey(kid: string): SigningKey {
  return withJwk(kid, generateKeyPairSync("ec", { namedCurve: "P-256" }));
}

export function edKey(kid: string): SigningKey {
  return withJwk(kid, generateKeyPairSync("ed25519"));
}

function withJwk(kid: string, pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }): SigningKey {
  return { ...pair, kid, jwk: { ...pair.publicKey.export({ format: "jwk" }), kid } };
}

/** The text of a key set. */
export function keySet(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
}

type Claims = Readonly<Record<string, unknown>>;

/** A token that the key signs, with a header of the test's choice instead of the usual where it has one. */
export function token(key: SigningKey, claims: Claims, header: Claims = {}): string {
  const type = key.privateKey.asymmetricKeyType;
  const alg = type === "rsa" ? "RS256" : type === "ec" ? "ES256" : "EdDSA";
  const data = signedPart({ alg, kid: key.kid, ...header }, claims);
  const hash = type === "ed25519" ? null : "sha256";
  const signature = sign(hash, Buffer.from(data), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return `${data}.${signature.toString("base64url")}`;
}

/** A token without a signature. */
export function unsignedToken(claims: Claims, alg = "none"): string {
  return `${signedPart({ alg }, claims)}.`;
}

/** A token that is signed with a secret, which in an attack is something public. */
export function secretToken(secret: string | Buffer, claims: Claims, kid?: string): string {
  const data = signedPart({ alg: "HS256", ...(kid === undefined ? {} : { kid }) }, claims);
  return `${data}.${createHmac("sha256", secret).update(data).digest("base64url")}`;
}

function signedPart(header: Claims, claims: Claims): string {
  return [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}
