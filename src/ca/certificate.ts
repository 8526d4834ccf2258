import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { buildCertificate, keyIdentifier, subjectOf } from "#x509/certificate.ts";
import { bits, boolean, context, octets, oid, sequence } from "#x509/der.ts";
import { extension, extensionIds } from "#x509/extension.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { type AlternativeName, alternativeNames, distinguishedName } from "#x509/names.ts";

/** A certificate authority that can sign. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** What comes between the signing certificate and the root, PEM; empty when it is the root. */
  readonly chainPem: string;
  /** What clients must trust, PEM. */
  readonly rootPem: string;
}

const usages = { serverAuth: "1.3.6.1.5.5.7.3.1", clientAuth: "1.3.6.1.5.5.7.3.2" } as const;

const hour = 3_600_000;

/** Makes a root as Istio's: RSA 2048, `O=<organization>`, for ten years. Returns PEM texts. */
export async function createSelfSignedRoot(
  organization: string,
  now: Date,
): Promise<{ certificatePem: string; keyPem: string }> {
  const pair = await generateKeyPair({ rsaBits: 2048 });
  const name = distinguishedName(organization);
  const certificatePem = buildCertificate({
    subject: name,
    issuer: name,
    publicKey: pair.publicKey,
    signingKey: pair.privateKey,
    notBefore: now,
    notAfter: new Date(now.getTime() + 3650 * 24 * hour),
    extensions: [
      extension(extensionIds.basicConstraints, true, sequence(boolean(true))),
      // keyCertSign
      extension(extensionIds.keyUsage, true, bits(Buffer.from([0x04]), 2)),
      extension(extensionIds.subjectKeyIdentifier, false, octets(keyIdentifier(pair.publicKey))),
    ],
  });
  return {
    certificatePem,
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
    subject: distinguishedName(options.organization),
    issuer: subjectOf(authority.certificate),
    publicKey,
    signingKey: authority.key,
    // Clocks differ a little. Istio: two minutes.
    notBefore: new Date(now.getTime() - 120_000),
    notAfter: new Date(Math.min(now.getTime() + options.lifetimeMs, latest)),
    extensions: [
      // digitalSignature, keyEncipherment
      extension(extensionIds.keyUsage, true, bits(Buffer.from([0xa0]), 5)),
      extension(extensionIds.extendedKeyUsage, false, sequence(oid(usages.serverAuth), oid(usages.clientAuth))),
      extension(extensionIds.basicConstraints, true, sequence()),
      extension(
        extensionIds.authorityKeyIdentifier,
        false,
        sequence(context(0, keyIdentifier(authority.certificate.publicKey), "implicit")),
      ),
      extension(extensionIds.subjectAlternativeName, !options.organization, alternativeNames(names)),
    ],
  });
  return certificate + authority.chainPem;
}
