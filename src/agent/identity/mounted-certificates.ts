import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SecretFiles } from "./file-secrets.ts";

/** What somebody else put into the pod for it to be known by. */
export interface MountedCertificates {
  readonly own: SecretFiles | undefined;
  readonly roots: SecretFiles | undefined;
}

/** The files of the first of these directories that has a certificate with its key, or roots. Istio: CheckWorkloadCertificate, generateFileSecret. */
export function findMountedCertificates(dirs: readonly string[]): MountedCertificates {
  for (const dir of dirs) {
    const [certificatePath, keyPath, rootPath] = ["cert-chain.pem", "key.pem", "root-cert.pem"].map((name) =>
      join(dir, name),
    ) as [string, string, string];
    const own = existsSync(certificatePath) && existsSync(keyPath) ? { certificatePath, keyPath } : undefined;
    const roots = existsSync(rootPath) ? { rootPath } : undefined;
    if (own || roots) return { own, roots };
  }
  return { own: undefined, roots: undefined };
}
