import { createPublicKey, type KeyObject } from "node:crypto";
import { context, type DerValue, integer, oid, readAll, sequence, set } from "./der.ts";
import { extension, extensionIds } from "./extension.ts";
import type { KeyPair } from "./key-pair.ts";
import { type AlternativeName, alternativeNames, distinguishedName, readAlternativeNames } from "./names.ts";
import { fromPem, pemBlocks, toPem } from "./pem.ts";
import { isSignedBy, signed } from "./signature.ts";

const label = "CERTIFICATE REQUEST";
/** PKCS #9 `extensionRequest`. */
const extensionRequest = "1.2.840.113549.1.9.14";

/** A request for a certificate that can't be served; the message says why. */
export class CertificateRequestError extends Error {
  override readonly name = "CertificateRequestError";
}

/** What a request asks for. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** `URI:spiffe://…`, `DNS:…`: names it would like to stand for. */
  readonly names: readonly string[];
}

/** Characters of PEM: a request with a key of 8192 bits and a few names has less than half of it. */
const maxLength = 16 * 1024;
const rsaBits = { least: 2048, most: 8192 };
const curves: readonly string[] = ["prime256v1", "secp384r1"];

/** A certificate request (RFC 2986), PEM, for one name and signed with the key that it is for. */
export function buildRequest(pair: KeyPair, name: AlternativeName): string {
  // RFC 5280 §4.2.1.6: critical, as there is no subject.
  const names = extension(extensionIds.subjectAlternativeName, true, alternativeNames([name]));
  const info = sequence(
    integer(0),
    distinguishedName(),
    pair.publicKey.export({ type: "spki", format: "der" }),
    context(0, sequence(oid(extensionRequest), set(sequence(names))), "explicit"),
  );
  return toPem(label, signed(info, pair.privateKey));
}

/**
 * Reads a certificate request in PEM. Throws nothing but a {@link CertificateRequestError}: for what can't be read, for a
 * signature that doesn't hold, for a key that is too weak (or so large that it is an attack), and for one that is too long.
 */
export function readRequest(pem: string): CertificateRequest {
  if (pem.length > maxLength)
    throw new CertificateRequestError(`the certificate request is longer than ${maxLength} characters`);
  const [block, ...more] = pemBlocks(pem, label);
  if (block === undefined) throw new CertificateRequestError("not a PEM certificate request");
  if (more.length > 0) throw new CertificateRequestError("there is more than one certificate request");
  try {
    return readDer(fromPem(block));
  } catch (cause) {
    if (cause instanceof CertificateRequestError) throw cause;
    throw new CertificateRequestError(`the certificate request can't be read: ${(cause as Error).message}`, { cause });
  }
}

function readDer(der: Uint8Array): CertificateRequest {
  const [info, algorithm, signature] = partsOf(der);
  const [, , key, attributes] = readAll(info?.content ?? new Uint8Array());
  if (!info || !algorithm || !signature || !key)
    throw new CertificateRequestError("the certificate request is not complete");
  const publicKey = createPublicKey({ key: Buffer.from(key.whole), format: "der", type: "spki" });
  const weakness = weaknessOf(publicKey);
  if (weakness) throw new CertificateRequestError(weakness);
  if (!isSignedBy(publicKey, info.whole, algorithm.content, signature.content.subarray(1)))
    throw new CertificateRequestError("the certificate request's signature doesn't hold");
  return { publicKey, names: attributes === undefined ? [] : namesOf(attributes) };
}

function partsOf(der: Uint8Array): readonly DerValue[] {
  const [request, ...more] = readAll(der);
  if (more.length > 0) throw new CertificateRequestError("there is something behind the certificate request");
  return readAll(request?.content ?? new Uint8Array());
}

function weaknessOf(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = "unnamed" } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa")
    return modulusLength < rsaBits.least || modulusLength > rsaBits.most
      ? `an RSA key must have ${rsaBits.least} to ${rsaBits.most} bits, this one has ${modulusLength}`
      : undefined;
  if (key.asymmetricKeyType !== "ec") return `keys of kind ${key.asymmetricKeyType} aren't signed; use ECDSA or RSA`;
  return curves.includes(namedCurve) ? undefined : `the key's curve is ${namedCurve}; use P-256 or P-384`;
}

/** The alternative names among the extensions that are asked for. */
function namesOf(attributes: DerValue): readonly string[] {
  const wanted = oid(extensionRequest);
  const asked = oid(extensionIds.subjectAlternativeName);
  return readAll(attributes.content)
    .map(({ content }) => readAll(content))
    .filter(([id]) => id && wanted.equals(id.whole))
    .flatMap(([, values]) => readAll(values?.content ?? new Uint8Array()))
    .flatMap((extensions) => readAll(extensions.content).map(({ content }) => readAll(content)))
    .filter(([id]) => id && asked.equals(id.whole))
    .flatMap((parts) => readAlternativeNames(parts.at(-1)?.content ?? new Uint8Array()));
}
