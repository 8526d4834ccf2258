import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { buildCertificate, keyIdentifier, keyIdentifierOf, subjectOf } from "#x509/certificate.ts";
import { earliestEnd, readChain } from "#x509/chain.ts";
import { bits, boolean, context, octets, oid, sequence } from "#x509/der.ts";
import { extension, extensionIds } from "#x509/extension.ts";
import { generateKeyPair, type KeyKind } from "#x509/key-pair.ts";
import { type AlternativeName, alternativeNames, distinguishedName } from "#x509/names.ts";
import { toPem } from "#x509/pem.ts";

/** A certificate authority that can sign. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** What a peer needs besides a leaf to get to the root: the signing certificate and those above it, PEM. Empty for a root. */
  readonly chainPem: string;
  /** What clients must trust, PEM; may be more than one certificate. */
  readonly rootPem: string;
  /** The one of the roots that it goes back to, PEM. */
  readonly anchorPem: string;
  /** When the first of its certificates ends, ms since the epoch: nothing that it signs holds longer. */
  readonly endsAt: number;
}

const usages = { serverAuth: "1.3.6.1.5.5.7.3.1", clientAuth: "1.3.6.1.5.5.7.3.2" } as const;
/** More certificates between an authority and its root are a mistake. */
const maxDepth = 10;

export interface RootOptions {
  readonly kind: KeyKind;
  readonly lifetimeMs: number;
}

const hour = 3_600_000;
/** Clocks differ a little; a certificate is good from so much earlier on, ms. Istio: two minutes. */
export const clockSkew: number = 120_000;

/** Makes a root `O=<organization>`. Returns PEM texts. */
export async function createSelfSignedRoot(
  organization: string,
  now: Date,
  options: RootOptions = { kind: "P-256", lifetimeMs: 3650 * 24 * hour },
): Promise<{ certificatePem: string; keyPem: string }> {
  const pair = await generateKeyPair(options.kind);
  const name = distinguishedName(organization);
  const certificatePem = buildCertificate({
    subject: name,
    issuer: name,
    publicKey: pair.publicKey,
    signingKey: pair.privateKey,
    notBefore: new Date(now.getTime() - clockSkew),
    notAfter: new Date(now.getTime() + options.lifetimeMs),
    extensions: [
      extension(extensionIds.basicConstraints, true, sequence(boolean(true))),
      // keyCertSign, cRLSign
      extension(extensionIds.keyUsage, true, bits(Buffer.from([0x06]), 1)),
      extension(extensionIds.subjectKeyIdentifier, false, octets(keyIdentifier(pair.publicKey))),
    ],
  });
  // Istio's form, so that others can read the Secret.
  const type = options.kind === "P-256" || options.kind === "P-384" ? "sec1" : "pkcs1";
  return { certificatePem, keyPem: pair.privateKey.export({ type, format: "pem" }) as string };
}

/**
 * Throws an Error that says what is wrong when a part can't be read, the key isn't the certificate's, the certificate may not sign
 * others, or there is no way from it to one of the roots. Without `root` it must be a root itself.
 */
export function authorityFrom(pem: {
  readonly certificate: string;
  readonly key: string;
  /** With or without the signing certificate at its beginning. */
  readonly chain?: string;
  readonly root?: string;
}): Authority {
  const certificate = new X509Certificate(pem.certificate);
  const key = createPrivateKey(pem.key);
  if (!certificate.checkPrivateKey(key)) throw new Error("the CA's key doesn't belong to its certificate");
  if (!certificate.ca) throw new Error("the certificate isn't one of a CA, so nobody would believe what it signs");
  const roots = pem.root ? readChain(pem.root) : isIssuedBy(certificate, certificate) ? [certificate] : [];
  const chain: X509Certificate[] = [];
  const others = readChain(pem.chain ?? "");
  let top = certificate;
  let anchor = roots.find(({ raw }) => raw.equals(top.raw));
  while (anchor === undefined) {
    chain.push(top);
    anchor = newest(roots.filter((root) => isIssuedBy(top, root)));
    const next = others.find((other) => !other.raw.equals(top.raw) && isIssuedBy(top, other));
    if (anchor === undefined && (next === undefined || chain.length > maxDepth))
      throw new Error(`there is no way to a root: who issued ${top.subject || "the certificate"} isn't there`);
    if (next !== undefined) top = next;
  }
  return {
    certificate,
    key,
    chainPem: chain.map(pemOf).join(""),
    rootPem: roots.map(pemOf).join(""),
    anchorPem: pemOf(anchor),
    endsAt: earliestEnd([certificate, ...chain, anchor]),
  };
}

/** A root that was renewed with its key issued all that the former one did. */
function newest(roots: readonly X509Certificate[]): X509Certificate | undefined {
  return roots.toSorted((a, b) => Date.parse(b.validTo) - Date.parse(a.validTo))[0];
}

/** Whether a CA's certificate is the issuer's, by name and by signature. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** In one form, whoever wrote it. */
export function pemOf({ raw }: X509Certificate): string {
  return toPem("CERTIFICATE", raw);
}

export interface IssueOptions {
  readonly publicKey: KeyObject;
  readonly names: readonly AlternativeName[];
  readonly organization?: string;
  readonly lifetimeMs: number;
  readonly now: Date;
}

/** Signs a certificate for client and server use, which ends no later than its issuer. Returns the PEM chain without the root. */
export function issue(authority: Authority, options: IssueOptions): string {
  const { publicKey, names, now } = options;
  const certificate = buildCertificate({
    // SPIFFE's X509-SVID §4.1: the identity is in the alternative name, so that one is critical where there is no subject.
    subject: distinguishedName(options.organization),
    issuer: subjectOf(authority.certificate),
    publicKey,
    signingKey: authority.key,
    notBefore: new Date(now.getTime() - clockSkew),
    notAfter: new Date(Math.min(now.getTime() + options.lifetimeMs, authority.endsAt)),
    extensions: [
      // digitalSignature, keyEncipherment
      extension(extensionIds.keyUsage, true, bits(Buffer.from([0xa0]), 5)),
      extension(extensionIds.extendedKeyUsage, false, sequence(oid(usages.serverAuth), oid(usages.clientAuth))),
      extension(extensionIds.basicConstraints, true, sequence()),
      extension(
        extensionIds.authorityKeyIdentifier,
        false,
        sequence(context(0, keyIdentifierOf(authority.certificate), "implicit")),
      ),
      extension(extensionIds.subjectAlternativeName, !options.organization, alternativeNames(names)),
    ],
  });
  return certificate + authority.chainPem;
}
