import { type KeyObject, sign, verify } from "node:crypto";
import { bits, oid, sequence } from "./der.ts";

interface Algorithm {
  readonly id: string;
  readonly digest: string;
  readonly keyType: "ec" | "rsa";
}

const rsaSha256: Algorithm = { id: "1.2.840.113549.1.1.11", digest: "sha256", keyType: "rsa" };
const ecSha256: Algorithm = { id: "1.2.840.10045.4.3.2", digest: "sha256", keyType: "ec" };
const ecSha384: Algorithm = { id: "1.2.840.10045.4.3.3", digest: "sha384", keyType: "ec" };
/** What is understood; nothing with SHA-1. */
const algorithms: readonly Algorithm[] = [
  rsaSha256,
  { id: "1.2.840.113549.1.1.12", digest: "sha384", keyType: "rsa" },
  { id: "1.2.840.113549.1.1.13", digest: "sha512", keyType: "rsa" },
  ecSha256,
  ecSha384,
  { id: "1.2.840.10045.4.3.4", digest: "sha512", keyType: "ec" },
];

/** The `AlgorithmIdentifier` that a key signs with (RFC 5280 §4.1.1.2). The digest fits the strength of the curve. */
export function signatureAlgorithm(key: KeyObject): Buffer {
  const algorithm = algorithmOf(key);
  // RFC 4055 §5: RSA says its absent parameters as NULL; RFC 5758 §3.2: ECDSA leaves them out.
  return sequence(oid(algorithm.id), ...(algorithm.keyType === "rsa" ? [Buffer.from([5, 0])] : []));
}

/** `toSign` with its algorithm and signature, as certificates and requests for them are put together. */
export function signed(toSign: Uint8Array, key: KeyObject): Buffer {
  return sequence(toSign, signatureAlgorithm(key), bits(sign(algorithmOf(key).digest, toSign, key)));
}

/** Whether a signature is the key's. `algorithm` is the content of an `AlgorithmIdentifier`; one that isn't understood gives false. */
export function isSignedBy(
  key: KeyObject,
  signedBytes: Uint8Array,
  algorithm: Uint8Array,
  signature: Uint8Array,
): boolean {
  const named = algorithms.find(({ id }) => Buffer.from(algorithm).subarray(0, oid(id).length).equals(oid(id)));
  return named?.keyType === key.asymmetricKeyType && verify(named?.digest, signedBytes, key, signature);
}

function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === "rsa") return rsaSha256;
  return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? ecSha384 : ecSha256;
}
