import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes what the workload asked for (OUTPUT_CERTS) where its containers share a directory: `key.pem`, `cert-chain.pem`, `root-cert.pem`.
 * Each file is replaced as a whole, and only when it changes. Istio: OutputKeyCertToDir.
 */
export function outputCertificates(
  dir: string,
  files: { readonly keyPem?: string; readonly chainPem?: string; readonly rootsPem?: string },
  mode: number,
): void {
  mkdirSync(dir, { recursive: true });
  const write = (name: string, text: string | undefined): void => {
    const path = join(dir, name);
    if (text === undefined || text === current(path)) return;
    const next = `${path}.tmp`;
    writeFileSync(next, text, { mode });
    renameSync(next, path);
  };
  write("key.pem", files.keyPem);
  write("cert-chain.pem", files.chainPem);
  write("root-cert.pem", files.rootsPem);
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
