import { X509Certificate } from "node:crypto";
import { pemBlocks } from "#x509/pem.ts";
import { WireReader } from "#xds/protobuf-wire.ts";

export const proxyConfigType = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig";
/** More trust anchors than this (bytes of PEM) are refused. */
const maxBytes = 4 * 1024 * 1024;

/**
 * The trust anchors in a ProxyConfig (`ca_certificates_pem` = 34), PEM each. Throws when there is none that can be read, or too many; one that
 * can't be is left out.
 */
export function decodeTrustAnchors(bytes: Uint8Array): readonly string[] {
  if (bytes.length > maxBytes) throw new Error(`trust anchors of ${bytes.length} bytes; at most ${maxBytes} are taken`);
  const reader = new WireReader(bytes);
  const anchors: string[] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 34) anchors.push(...pemBlocks(reader.string(), "CERTIFICATE"));
    else reader.skip(tag.type);
  }
  const readable = anchors.filter(isReadable);
  if (readable.length === 0) throw new Error(`of ${anchors.length} trust anchors none can be read`);
  return readable;
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
