import { X509Certificate } from "node:crypto";
import { pemBlocks } from "./pem.ts";

/** The certificates of a PEM text, in order. Throws an Error that says which one can't be read. */
export function readChain(pem: string): readonly X509Certificate[] {
  return pemBlocks(pem, "CERTIFICATE").map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Error(`certificate ${index + 1} can't be read: ${(cause as Error).message}`, { cause });
    }
  });
}

/** When the first of the certificates ends: from then on the chain doesn't hold. ms since the epoch; Infinity without any. */
export function earliestEnd(certificates: readonly X509Certificate[]): number {
  return Math.min(...certificates.map(({ validTo }) => Date.parse(validTo)));
}
