import type { Secret } from "kubernetes-types/core/v1.d.ts";
import { secretText } from "./authority-secret.ts";
import type { OwnRoot } from "./root-rotation.ts";

/** Put on `istio-ca-secret` by who wants another root at once; istiod takes it off. */
export const rotateAnnotation = "weft.dev/rotate-root";
const nextSince = "weft.dev/next-root-since";

/** What Secret `istio-ca-secret` says besides the authority itself. */
export function readOwnRoot(secret: Secret): OwnRoot {
  const { annotations = {} } = secret.metadata ?? {};
  const certificate = secretText(secret, "next-ca-cert.pem");
  const key = secretText(secret, "next-ca-key.pem");
  const since = Date.parse(annotations[nextSince] ?? "") || 0;
  return {
    certificate: secretText(secret, "ca-cert.pem"),
    key: secretText(secret, "ca-key.pem"),
    ...(certificate && key ? { next: { certificate, key, since } } : {}),
    rotationWanted: annotations[rotateAnnotation] !== undefined,
  };
}

/** The Secret for a first root. Istio's keys, so that Istio can take it over. */
export function newRootSecret(
  ref: { readonly namespace: string; readonly name: string },
  root: { readonly certificatePem: string; readonly keyPem: string },
): Secret {
  return {
    metadata: ref,
    type: "istio.io/ca-root",
    data: {
      "ca-cert.pem": base64(root.certificatePem),
      "ca-key.pem": base64(root.keyPem),
      "cert-chain.pem": "",
      "key.pem": "",
      "root-cert.pem": "",
    },
  };
}

/** The Secret with a root that is told from now on, and signs later. */
export function withNext(
  secret: Secret,
  root: { readonly certificatePem: string; readonly keyPem: string },
  now: Date,
): Secret {
  const { [rotateAnnotation]: _, ...annotations } = secret.metadata?.annotations ?? {};
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...annotations, [nextSince]: now.toISOString() } },
    data: {
      ...secret.data,
      "next-ca-cert.pem": base64(root.certificatePem),
      "next-ca-key.pem": base64(root.keyPem),
    },
  };
}

/** The Secret once the next root signs. */
export function withNextPromoted(secret: Secret): Secret {
  const { [nextSince]: _, ...annotations } = secret.metadata?.annotations ?? {};
  const { "next-ca-cert.pem": certificate = "", "next-ca-key.pem": key = "", ...data } = secret.data ?? {};
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations },
    data: { ...data, "ca-cert.pem": certificate, "ca-key.pem": key },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
