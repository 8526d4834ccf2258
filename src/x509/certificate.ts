import { createHash, type KeyObject, randomBytes, type X509Certificate } from "node:crypto";
import { context, integer, readAll, sequence, time } from "./der.ts";
import { toPem } from "./pem.ts";
import { signatureAlgorithm, signed } from "./signature.ts";

export interface CertificateParts {
  /** Distinguished names, DER. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Uint8Array[];
}

/** RFC 5280 §4.1, with a random serial number. Returns PEM. */
export function buildCertificate(parts: CertificateParts): string {
  const toSign = sequence(
    context(0, integer(2), "explicit"),
    integer(randomBytes(16)),
    signatureAlgorithm(parts.signingKey),
    parts.issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    parts.subject,
    parts.publicKey.export({ type: "spki", format: "der" }),
    context(3, sequence(...parts.extensions), "explicit"),
  );
  return toPem("CERTIFICATE", signed(toSign, parts.signingKey));
}

/** The subject exactly as it stands in the certificate: an issuer must be the same byte for byte. */
export function subjectOf(certificate: X509Certificate): Uint8Array {
  const [whole] = readAll(certificate.raw);
  const [toSign] = readAll(whole?.content ?? new Uint8Array());
  const fields = readAll(toSign?.content ?? new Uint8Array());
  // version, serial, algorithm, issuer, validity, subject; certificates of version 1 leave the first out.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (!subject) throw new Error("the certificate has no subject");
  return subject.whole;
}

/** RFC 5280 §4.2.1.2, method 1: the SHA-1 of the key's bits. */
export function keyIdentifier(key: KeyObject): Buffer {
  const [info] = readAll(key.export({ type: "spki", format: "der" }));
  const [, bitString] = readAll(info?.content ?? new Uint8Array());
  return createHash("sha1")
    .update(bitString?.content.subarray(1) ?? "")
    .digest();
}
