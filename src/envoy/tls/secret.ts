import { create } from "@bufbuild/protobuf";
import { type Secret, SecretSchema } from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Resource } from "#xds/resource.ts";
import { encodeResource } from "../proto.ts";

/** A certificate chain with its key, PEM. */
export interface KeyPair {
  readonly chain: Uint8Array;
  readonly key: Uint8Array;
  /** An OCSP response in DER. */
  readonly ocspStaple?: Uint8Array;
}

/** Certificate authorities that peers are checked against, PEM. */
export interface TrustBundle {
  readonly authorities: Uint8Array;
  readonly crl?: Uint8Array;
}

function bytes(value: Uint8Array) {
  return { specifier: { case: "inlineBytes", value } } as const;
}

function encode(name: string, type: Pick<Secret, "type">["type"]): Resource {
  return encodeResource(name, SecretSchema, create(SecretSchema, { name, type }));
}

/** The resource that gives Envoy a certificate and its key. */
export function keyPairResource(name: string, { chain, key, ocspStaple }: KeyPair): Resource {
  const { type } = create(SecretSchema, {
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: bytes(chain),
        privateKey: bytes(key),
        ...(ocspStaple ? { ocspStaple: bytes(ocspStaple) } : {}),
      },
    },
  });
  return encode(name, type);
}

/** The resource that gives Envoy what to check peers against. */
export function trustBundleResource(name: string, { authorities, crl }: TrustBundle): Resource {
  const { type } = create(SecretSchema, {
    type: {
      case: "validationContext",
      value: { trustedCa: bytes(authorities), ...(crl ? { crl: bytes(crl) } : {}) },
    },
  });
  return encode(name, type);
}
