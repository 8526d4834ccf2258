import { dirname } from "node:path/posix";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TlsCertificateSchema } from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";

/** A file of the proxy's container. */
export function file(path: string): { readonly specifier: { readonly case: "filename"; readonly value: string } } {
  return { specifier: { case: "filename", value: path } };
}

/** A certificate with its key. Envoy reads them again when something moves in the certificate's folder. */
export function filePair(chain: string, key: string): MessageInitShape<typeof TlsCertificateSchema> {
  return { certificateChain: file(chain), privateKey: file(key), watchedDirectory: { path: dirname(chain) } };
}

/** Authorities from a file, which is read again in the same way. */
export function fileAuthorities(path: string): {
  readonly trustedCa: ReturnType<typeof file>;
  readonly watchedDirectory: { readonly path: string };
} {
  return { trustedCa: file(path), watchedDirectory: { path: dirname(path) } };
}
