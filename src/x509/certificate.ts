import { createHash, type KeyObject, randomBytes, type X509Certificate } from "node:crypto";
import { context, type DerValue, integer, oid, readAll, sequence, time } from "./der.ts";
import { extensionIds } from "./extension.ts";
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
  const fields = fieldsOf(certificate);
  // version, serial, algorithm, issuer, validity, subject; certificates of version 1 leave the first out.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (!subject) throw new Error("the certificate has no subject");
  return subject.whole;
}

/** How certificates that it signs refer to it (RFC 5280 §4.2.1.1): by the identifier that it has itself, if it has one. */
export function keyIdentifierOf(certificate: X509Certificate): Uint8Array {
  const wanted = oid(extensionIds.subjectKeyIdentifier);
  const extensions = fieldsOf(certificate).find(({ tag }) => tag === 0xa3);
  const [list] = readAll(extensions?.content ?? new Uint8Array());
  const found = readAll(list?.content ?? new Uint8Array())
    .map(({ content }) => readAll(content))
    .find(([id]) => id && wanted.equals(id.whole));
  const [identifier] = readAll(found?.at(-1)?.content ?? new Uint8Array());
  return identifier?.content ?? keyIdentifier(certificate.publicKey);
}

/** What is signed of a certificate, field by field. */
function fieldsOf(certificate: X509Certificate): readonly DerValue[] {
  const [whole] = readAll(certificate.raw);
  const [toSign] = readAll(whole?.content ?? new Uint8Array());
  return readAll(toSign?.content ?? new Uint8Array());
}

/** RFC 5280 §4.2.1.2, method 1: the SHA-1 of the key's bits. */
export function keyIdentifier(key: KeyObject): Buffer {
  const [info] = readAll(key.export({ type: "spki", format: "der" }));
  const [, bitString] = readAll(info?.content ?? new Uint8Array());
  return createHash("sha1")
    .update(bitString?.content.subarray(1) ?? "")
    .digest();
}
