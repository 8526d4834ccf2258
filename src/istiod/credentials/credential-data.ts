import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Secret } from "kubernetes-types/core/v1.d.ts";
import type { KeyPair, TrustBundle } from "#envoy/tls/secret.ts";

type Data = Readonly<Record<string, string>>;

/** Key names of a Secret of type kubernetes.io/tls, and of Istio's generic form. */
const layouts = [
  { cert: "cert", key: "key", staple: "cert.ocsp-staple", ca: "cacert", crl: "crl" },
  { cert: "tls.crt", key: "tls.key", staple: "tls.ocsp-staple", ca: "ca.crt", crl: "ca.crl" },
] as const;

/** The certificate and key in a Secret, or in words why there is none. Istio: ExtractCertInfo. */
export function keyPairOf({ data = {} }: Secret): KeyPair | string {
  const layout = layouts.find(({ cert, key }) => data[cert] && data[key]);
  if (layout === undefined) return `has neither tls.crt and tls.key nor cert and key; it has ${keysOf(data)}`;
  const chain = decode(data, layout.cert);
  const key = decode(data, layout.key);
  try {
    if (!certificateOf(chain).checkPrivateKey(createPrivateKey(Buffer.from(key))))
      return `${layout.key} isn't the key of the certificate in ${layout.cert}`;
  } catch (error) {
    return `${layout.cert} and ${layout.key} aren't a PEM certificate and its key: ${(error as Error).message}`;
  }
  return { chain, key, ...(data[layout.staple] ? { ocspStaple: decode(data, layout.staple) } : {}) };
}

/** The certificate authorities in a Secret, or in words why there are none. Istio: extractRoot. */
export function trustBundleOf({ data = {} }: Secret): TrustBundle | string {
  const layout = layouts.find(({ ca }) => data[ca]);
  if (layout === undefined) return `has neither ca.crt nor cacert; it has ${keysOf(data)}`;
  const authorities = decode(data, layout.ca);
  try {
    certificateOf(authorities);
  } catch (error) {
    return `${layout.ca} isn't a PEM certificate: ${(error as Error).message}`;
  }
  return { authorities, ...(data[layout.crl] ? { crl: decode(data, layout.crl) } : {}) };
}

/** Throws for what isn't a certificate in PEM. */
function certificateOf(pem: Uint8Array): X509Certificate {
  return new X509Certificate(pem);
}

function decode(data: Data, key: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(data[key] ?? "", "base64"));
}

function keysOf(data: Data): string {
  return Object.keys(data).slice(0, 10).join(", ") || "nothing";
}
