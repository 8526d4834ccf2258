import { pemBlocks } from "#x509/pem.ts";
import { WireReader } from "#xds/protobuf-wire.ts";

export const proxyConfigType = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig";
/** More trust anchors than this (bytes of PEM) are refused. */
const maxBytes = 4 * 1024 * 1024;

/** The trust anchors in a ProxyConfig (`ca_certificates_pem` = 34), PEM each. Throws when there are none, or too many. */
export function decodeTrustAnchors(bytes: Uint8Array): readonly string[] {
  if (bytes.length > maxBytes) throw new Error(`trust anchors of ${bytes.length} bytes; at most ${maxBytes} are taken`);
  const reader = new WireReader(bytes);
  const anchors: string[] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 34) anchors.push(...pemBlocks(reader.string(), "CERTIFICATE"));
    else reader.skip(tag.type);
  }
  if (anchors.length === 0) throw new Error("there is no trust anchor in it");
  return anchors;
}
