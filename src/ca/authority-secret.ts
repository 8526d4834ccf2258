import { createSecureContext } from "node:tls";
import type { Secret } from "kubernetes-types/core/v1.d.ts";
import { pemBlocks } from "#x509/pem.ts";
import { type Authority, authorityFrom } from "./certificate.ts";

/** What a user plugged in, or istiod keeps, as certificate authority. */
export interface AuthoritySecret {
  readonly authority: Authority;
  /** Lists of certificates of CAs that were taken back, PEM; may be empty. */
  readonly crlPem: string;
}

const weakestRsa = 2048;

/** A value of the Secret as text; "" where there is none. */
export function secretText({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? "", "base64").toString("utf8");
}

/**
 * Reads `cacerts` or `istio-ca-secret`: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem and ca-crl.pem, or what a Secret of type
 * kubernetes.io/tls has instead, as cert-manager writes it (tls.crt, tls.key, ca.crt). Throws an Error that names Secret, key and what
 * to do. Istio: NewPluggedCertIstioCAOptions.
 */
export function readAuthoritySecret(secret: Secret, now: number): AuthoritySecret {
  const { namespace = "", name = "" } = secret.metadata ?? {};
  const fail = (what: string, cause?: unknown): never => {
    throw new Error(`Secret ${namespace}/${name}: ${what}`, cause === undefined ? {} : { cause });
  };
  const isTls = secretText(secret, "ca-cert.pem") === "" && secretText(secret, "tls.crt") !== "";
  const keys = isTls
    ? { certificate: "tls.crt", key: "tls.key", chain: "tls.crt", root: "ca.crt" }
    : { certificate: "ca-cert.pem", key: "ca-key.pem", chain: "cert-chain.pem", root: "root-cert.pem" };
  for (const key of [keys.certificate, keys.key])
    if (secretText(secret, key) === "") fail(`${key} is missing; a certificate authority needs it`);
  let authority: Authority;
  try {
    authority = authorityFrom({
      certificate: secretText(secret, keys.certificate),
      key: secretText(secret, keys.key),
      chain: secretText(secret, keys.chain),
      root: secretText(secret, keys.root),
    });
  } catch (cause) {
    return fail(`${(cause as Error).message}; look at ${Object.values(keys).join(", ")}`, cause);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength = 0 } = {} } = authority.key;
  if (type !== "ec" && (type !== "rsa" || modulusLength < weakestRsa))
    fail(
      `${keys.key} is a key of kind ${type} ${modulusLength || ""}; use ECDSA or RSA with at least ${weakestRsa} bits`,
    );
  if (authority.endsAt <= now)
    fail(`a certificate of it ended on ${new Date(authority.endsAt).toISOString()}; put one that is good in its place`);
  return { authority, crlPem: readCrl(secretText(secret, "ca-crl.pem"), fail) };
}

/** Read in earnest, as Envoy will: what OpenSSL doesn't take would leave proxies without their roots. */
function readCrl(text: string, fail: (what: string, cause?: unknown) => never): string {
  if (text.trim() === "") return "";
  const lists = pemBlocks(text, "X509 CRL");
  if (lists.length === 0) fail("ca-crl.pem has no X509 CRL in PEM; empty it, or put one there");
  for (const [index, crl] of lists.entries()) {
    try {
      createSecureContext({ crl });
    } catch (cause) {
      fail(`ca-crl.pem: list ${index + 1} can't be read: ${(cause as Error).message}`, cause);
    }
  }
  return lists.join("");
}
