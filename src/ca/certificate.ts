import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { promisify } from "node:util";
import { bits, boolean, context, integer, octets, oid, readAll, sequence, set, time, utf8 } from "./der.ts";

/** A certificate authority that can sign. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** What comes between the signing certificate and the root, PEM; empty when it is the root. */
  readonly chainPem: string;
  /** What clients must trust, PEM. */
  readonly rootPem: string;
}

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A name that a certificate stands for. */
type AlternativeName =
  | { readonly dns: string }
  | { readonly ip: string }
  /** For example `spiffe://cluster.local/ns/default/sa/reviews`. */
  | { readonly uri: string };

const oids = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  sha256WithRsa: "1.2.840.113549.1.1.11",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

const hour = 3_600_000;
const generate = promisify(generateKeyPair);

/** An EC P-256 pair: quick to make, small on the wire. */
export function generateEcKey(): Promise<KeyPair> {
  return generate("ec", { namedCurve: "P-256" });
}

/** Makes a root as Istio's: RSA 2048, `O=<organization>`, for ten years. Returns PEM texts. */
export async function createSelfSignedRoot(
  organization: string,
  now: Date,
): Promise<{ certificatePem: string; keyPem: string }> {
  const pair = await generate("rsa", { modulusLength: 2048 });
  const name = distinguishedName({ organization });
  const certificate = buildCertificate({
    subject: name,
    issuer: name,
    publicKey: pair.publicKey,
    signingKey: pair.privateKey,
    notBefore: now,
    notAfter: new Date(now.getTime() + 3650 * 24 * hour),
    extensions: [
      extension(oids.basicConstraints, true, sequence(boolean(true))),
      // keyCertSign
      extension(oids.keyUsage, true, bits(Buffer.from([0x04]), 2)),
      extension(oids.subjectKeyIdentifier, false, octets(keyIdentifier(pair.publicKey))),
    ],
  });
  return {
    certificatePem: toPem("CERTIFICATE", certificate),
    keyPem: pair.privateKey.export({ type: "pkcs1", format: "pem" }) as string,
  };
}

/** Throws when the key doesn't belong to the certificate, or either can't be read. */
export function authorityFrom(pem: {
  readonly certificate: string;
  readonly key: string;
  readonly chain?: string;
  readonly root?: string;
}): Authority {
  const certificate = new X509Certificate(pem.certificate);
  const key = createPrivateKey(pem.key);
  if (!certificate.checkPrivateKey(key)) throw new Error("the CA's key doesn't belong to its certificate");
  return { certificate, key, chainPem: pem.chain ?? "", rootPem: pem.root || pem.certificate };
}

export interface IssueOptions {
  readonly publicKey: KeyObject;
  readonly names: readonly AlternativeName[];
  readonly organization?: string;
  readonly lifetimeMs: number;
  readonly now: Date;
}

/** Signs a certificate for client and server use. Returns the PEM chain without the root. */
export function issue(authority: Authority, options: IssueOptions): string {
  const { publicKey, names, now } = options;
  const latest = Date.parse(authority.certificate.validTo);
  const certificate = buildCertificate({
    // SPIFFE's X509-SVID §4.1: the identity is in the alternative name, so that one is critical where there is no subject.
    subject: distinguishedName(options.organization ? { organization: options.organization } : {}),
    issuer: subjectOf(authority.certificate),
    publicKey,
    signingKey: authority.key,
    // Clocks differ a little. Istio: two minutes.
    notBefore: new Date(now.getTime() - 120_000),
    notAfter: new Date(Math.min(now.getTime() + options.lifetimeMs, latest)),
    extensions: [
      // digitalSignature, keyEncipherment
      extension(oids.keyUsage, true, bits(Buffer.from([0xa0]), 5)),
      extension(oids.extendedKeyUsage, false, sequence(oid(oids.serverAuth), oid(oids.clientAuth))),
      extension(oids.basicConstraints, true, sequence()),
      extension(
        oids.authorityKeyIdentifier,
        false,
        sequence(context(0, keyIdentifier(authority.certificate.publicKey), "implicit")),
      ),
      extension(oids.subjectAlternativeName, !options.organization, sequence(...names.map(generalName))),
    ],
  });
  return toPem("CERTIFICATE", certificate) + authority.chainPem;
}

/** The public key of a certificate request (PEM). Throws when it can't be read or its own signature doesn't hold. */
export function readRequest(pem: string): KeyObject {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem)?.[1];
  if (!body) throw new Error("not a PEM certificate request");
  const [request] = readAll(Buffer.from(body, "base64"));
  const [info, , signature] = readAll(request?.content ?? new Uint8Array());
  const [, , key] = readAll(info?.content ?? new Uint8Array());
  if (!info || !signature || !key) throw new Error("the certificate request is not complete");
  const publicKey = createPublicKey({ key: Buffer.from(key.whole), format: "der", type: "spki" });
  if (!verify("sha256", info.whole, publicKey, signature.content.subarray(1)))
    throw new Error("the certificate request's signature doesn't hold");
  return publicKey;
}

interface CertificateParts {
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Uint8Array[];
}

/** RFC 5280 §4.1 */
function buildCertificate(parts: CertificateParts): Buffer {
  const isRsa = parts.signingKey.asymmetricKeyType === "rsa";
  const algorithm = isRsa
    ? sequence(oid(oids.sha256WithRsa), Buffer.from([5, 0]))
    : sequence(oid(oids.ecdsaWithSha256));
  const toSign = sequence(
    context(0, integer(2), "explicit"),
    integer(randomBytes(16)),
    algorithm,
    parts.issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    parts.subject,
    parts.publicKey.export({ type: "spki", format: "der" }),
    context(3, sequence(...parts.extensions), "explicit"),
  );
  return sequence(toSign, algorithm, bits(sign("sha256", toSign, parts.signingKey)));
}

function distinguishedName(name: { readonly organization?: string; readonly commonName?: string }): Buffer {
  const part = (type: string, value: string | undefined): Buffer[] =>
    value === undefined ? [] : [set(sequence(oid(type), utf8(value)))];
  return sequence(...part(oids.organization, name.organization), ...part(oids.commonName, name.commonName));
}

/** The subject exactly as it stands in the certificate: an issuer must be the same byte for byte. */
function subjectOf(certificate: X509Certificate): Uint8Array {
  const [whole] = readAll(certificate.raw);
  const [signed] = readAll(whole?.content ?? new Uint8Array());
  const fields = readAll(signed?.content ?? new Uint8Array());
  // version, serial, algorithm, issuer, validity, subject; certificates of version 1 leave the first out.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (!subject) throw new Error("the CA's certificate has no subject");
  return subject.whole;
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

/** RFC 5280 §4.2.1.2, method 1: the SHA-1 of the key's bits. */
function keyIdentifier(key: KeyObject): Buffer {
  const [info] = readAll(key.export({ type: "spki", format: "der" }));
  const [, bitString] = readAll(info?.content ?? new Uint8Array());
  return createHash("sha1")
    .update(bitString?.content.subarray(1) ?? "")
    .digest();
}

function generalName(name: AlternativeName): Buffer {
  if ("dns" in name) return context(2, Buffer.from(name.dns), "implicit");
  if ("uri" in name) return context(6, Buffer.from(name.uri), "implicit");
  return context(7, addressBytes(name.ip), "implicit");
}

function addressBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split(".").map(Number));
  if (isIP(ip) !== 6) throw new Error(`${ip} is not an IP address`);
  const [head = "", tail] = ip.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  return Buffer.from([...left, ...middle, ...right].map((group) => group.padStart(4, "0")).join(""), "hex");
}

function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
