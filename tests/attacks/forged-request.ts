import { context, integer, oid, sequence, set } from "#x509/der.ts";
import { extension, extensionIds } from "#x509/extension.ts";
import type { KeyPair } from "#x509/key-pair.ts";
import { type AlternativeName, alternativeNames, distinguishedName } from "#x509/names.ts";
import { toPem } from "#x509/pem.ts";
import { signed } from "#x509/signature.ts";

/** PKCS #9 `extensionRequest`. */
const extensionRequest = "1.2.840.113549.1.9.14";

export interface ForgedRequest {
  readonly names?: readonly AlternativeName[];
  /** Other extensions that it asks for, DER. */
  readonly extensions?: readonly Uint8Array[];
  /** Whose public key it carries; else the one that signs it. */
  readonly keyOf?: KeyPair;
}

/** A certificate request that asks for what it shouldn't; in PEM. */
export function forgedRequest(pair: KeyPair, { names = [], extensions = [], keyOf = pair }: ForgedRequest): string {
  const wanted = [
    ...(names.length > 0 ? [extension(extensionIds.subjectAlternativeName, true, alternativeNames(names))] : []),
    ...extensions,
  ];
  const info = sequence(
    integer(0),
    distinguishedName("system:masters"),
    keyOf.publicKey.export({ type: "spki", format: "der" }),
    context(0, sequence(oid(extensionRequest), set(sequence(...wanted))), "explicit"),
  );
  return toPem("CERTIFICATE REQUEST", signed(info, pair.privateKey));
}
