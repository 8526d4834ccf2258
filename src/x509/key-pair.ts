import { generateKeyPair as generate, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** What kind of key: elliptic curves are quick to make and small on the wire; RSA says its size in bits. */
export type KeyKind = "P-256" | "P-384" | { readonly rsaBits: number };

const generatePair = promisify(generate);

/** Makes a key in memory; it is nowhere else until somebody exports it. */
export function generateKeyPair(kind: KeyKind = "P-256"): Promise<KeyPair> {
  return typeof kind === "string"
    ? generatePair("ec", { namedCurve: kind })
    : generatePair("rsa", { modulusLength: kind.rsaBits });
}
