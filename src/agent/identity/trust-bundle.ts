import { X509Certificate } from "node:crypto";
import { pemBlocks } from "#x509/pem.ts";

/** The certificates of several texts as one bundle, each once, in an order of their own; what can't be read is left out. */
export function mergeRoots(texts: readonly string[]): string {
  const roots = new Map<string, string>();
  for (const block of texts.flatMap((text) => pemBlocks(text, "CERTIFICATE"))) {
    try {
      roots.set(new X509Certificate(block).fingerprint256, block);
    } catch {
      // Envoy would refuse the whole bundle for it.
    }
  }
  return [...roots]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, block]) => block)
    .join("");
}
