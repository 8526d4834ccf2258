import { hash } from "node:crypto";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { type Resource, typeUrls } from "#xds/resource.ts";

/** A key with its certificates, PEM. */
interface TlsCertificate {
  readonly chainPem: string;
  readonly keyPem: string;
}

/** Whom to trust, PEM. */
interface TrustedRoots {
  readonly rootsPem: string;
  /** Certificates that were revoked. */
  readonly crlPem?: string;
}

export type Secret = TlsCertificate | TrustedRoots;

/**
 * A secret as Envoy takes it: `envoy.extensions.transport_sockets.tls.v3.Secret` (name = 1, tls_certificate = 2,
 * validation_context = 4) with its parts inline.
 */
export function secretResource(name: string, secret: Secret): Resource {
  const message = new WireWriter().string(1, name);
  if ("keyPem" in secret)
    // certificate_chain = 1, private_key = 2
    message.message(2, new WireWriter().message(1, inline(secret.chainPem)).message(2, inline(secret.keyPem)));
  else {
    // trusted_ca = 1, crl = 7
    const context = new WireWriter().message(1, inline(secret.rootsPem));
    if (secret.crlPem) context.message(7, inline(secret.crlPem));
    message.message(4, context);
  }
  const bytes = message.finish();
  return {
    name,
    // Envoy shows it, so it says nothing of the key, which changes with the certificate.
    version: hash("sha256", "keyPem" in secret ? secret.chainPem : bytes, "base64url").slice(0, 16),
    any: new WireWriter().string(1, typeUrls.secret).bytes(2, bytes).finish(),
  };
}

/** `DataSource.inline_bytes` */
function inline(text: string): WireWriter {
  return new WireWriter().bytes(2, Buffer.from(text));
}
