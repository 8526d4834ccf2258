import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pemBlocks } from "#x509/pem.ts";
import { readBounded } from "./follow-files.ts";
import type { Secret } from "./secret.ts";
import { mergeRoots } from "./trust.ts";

const certificatePrefix = "file-cert:";
const rootPrefix = "file-root:";
/** Where distributions keep the roots that they trust. */
const systemRoots = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/** A secret in files: a key with its certificates, or roots. */
export type SecretFiles =
  | { readonly certificatePath: string; readonly keyPath: string }
  | { readonly rootPath: string };

/** Brings in what is in the files, now and when they change. Returns what ends it. */
export type FollowSecret = (name: string, files: SecretFiles, onSecret: (secret: Secret) => void) => () => void;

export function isFileSecret(name: string): boolean {
  return name.startsWith(certificatePrefix) || name.startsWith(rootPrefix);
}

/**
 * The files behind `file-cert:CERTIFICATE~KEY`, `file-root:ROOTS` or `file-root:system`; undefined when it says none.
 * Istio: SdsCertificateConfigFromResourceName.
 */
export function parseFileSecret(name: string): SecretFiles | undefined {
  if (name.startsWith(rootPrefix)) {
    const path = name.slice(rootPrefix.length);
    const rootPath = path === "system" ? systemRoots.find((candidate) => existsSync(candidate)) : path;
    return rootPath ? { rootPath: resolve("/", rootPath) } : undefined;
  }
  const [certificatePath, keyPath, ...more] = name.slice(certificatePrefix.length).split("~");
  return certificatePath && keyPath && more.length === 0
    ? { certificatePath: resolve("/", certificatePath), keyPath: resolve("/", keyPath) }
    : undefined;
}

export function pathsOf(files: SecretFiles): readonly string[] {
  return "rootPath" in files ? [files.rootPath] : [files.certificatePath, files.keyPath];
}

/** Throws an Error that names the file and what is wrong with it. */
export function readSecret(files: SecretFiles): Secret {
  if ("rootPath" in files) {
    const rootsPem = mergeRoots(pemBlocks(readBounded(files.rootPath), "CERTIFICATE"));
    if (rootsPem === "") throw new Error(`${files.rootPath}: there is no certificate in it`);
    return { rootsPem };
  }
  const { certificatePath, keyPath } = files;
  const chainPem = readBounded(certificatePath);
  const keyPem = readBounded(keyPath);
  const leaf = parse(certificatePath, () => new X509Certificate(chainPem));
  const key = parse(keyPath, () => createPrivateKey(keyPem));
  // One may be written before the other.
  if (!leaf.checkPrivateKey(key))
    throw new Error(`${keyPath}: the key isn't that of the certificate in ${certificatePath}`);
  return { chainPem, keyPem };
}

function parse<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}
