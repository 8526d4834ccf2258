// What the x509 library needs before it is loaded.
import "reflect-metadata";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, webcrypto } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Pki {
  readonly ca: string;
  readonly serving: KeyPair;
  readonly admin: KeyPair;
  readonly tokenKeys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 24 * 60 * 60 * 1000;

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Never half a file: written beside it, then renamed. */
async function writePrivate(file: string, text: string): Promise<void> {
  const next = `${file}.next`;
  await writeFile(next, text, { mode: 0o600 });
  await chmod(next, 0o600);
  await rename(next, file);
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

async function privateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  return webcrypto.subtle.importKey("pkcs8", der ?? new ArrayBuffer(0), algorithm, true, ["sign"]);
}

const serial = (): string => Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString("hex");

async function makeCa(): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `00${serial()}`,
    name: "CN=kubernetes",
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 3650 * day),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await keyPem(keys.privateKey) };
}

interface LeafOptions {
  readonly subject: string;
  readonly names: readonly string[];
  readonly usage: string;
}

async function makeLeaf(ca: KeyPair, { subject, names, usage }: LeafOptions): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const issuer = new x509.X509Certificate(ca.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `00${serial()}`,
    subject,
    issuer: issuer.subject,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
    publicKey: keys.publicKey,
    signingKey: await privateKey(ca.key),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length > 0
        ? [
            new x509.SubjectAlternativeNameExtension(
              names.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value })),
            ),
          ]
        : []),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await keyPem(keys.privateKey) };
}

/** False when a certificate ends within a month, isn't from this CA, or lacks a name. */
async function isUsable(pem: string, ca: KeyPair, names: readonly string[]): Promise<boolean> {
  try {
    const certificate = new x509.X509Certificate(pem);
    if (certificate.notAfter.getTime() < Date.now() + 30 * day) return false;
    const issuer = new x509.X509Certificate(ca.certificate);
    if (!(await certificate.verify({ publicKey: await issuer.publicKey.export(), signatureOnly: true }))) return false;
    const has = new Set(
      certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value),
    );
    return names.every((name) => has.has(name));
  } catch {
    return false;
  }
}

async function pair(
  directory: string,
  name: string,
  make: () => Promise<KeyPair>,
  good: (pem: string) => Promise<boolean>,
): Promise<KeyPair> {
  const [certificateFile, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  const [certificate, key] = await Promise.all([readText(certificateFile), readText(keyFile)]);
  if (certificate && key && (await good(certificate))) return { certificate, key };
  const made = await make();
  await writePrivate(keyFile, made.key);
  await writePrivate(certificateFile, made.certificate);
  return made;
}

/**
 * The cluster's keys in `directory` (files 0600): its CA, the serving certificate for `names` (DNS names and IP addresses),
 * the administrator's client certificate, and the key that signs service account tokens. Made where they are missing or stale.
 */
export async function loadPki(directory: string, names: readonly string[]): Promise<Pki> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const ca = await pair(directory, "ca", makeCa, async () => true);
  const serving = await pair(
    directory,
    "apiserver",
    () => makeLeaf(ca, { subject: "CN=kube-apiserver", names, usage: x509.ExtendedKeyUsage.serverAuth }),
    (pem) => isUsable(pem, ca, names),
  );
  const admin = await pair(
    directory,
    "admin",
    () =>
      makeLeaf(ca, {
        subject: "O=system:masters, CN=kubernetes-admin",
        names: [],
        usage: x509.ExtendedKeyUsage.clientAuth,
      }),
    (pem) => isUsable(pem, ca, []),
  );
  const keyFile = join(directory, "service-account.key");
  let pem = await readText(keyFile);
  if (pem === undefined) {
    pem = generateKeyPairSync("ec", { namedCurve: "P-256" })
      .privateKey.export({ type: "pkcs8", format: "pem" })
      .toString();
    await writePrivate(keyFile, pem);
  }
  const key = createPrivateKey(pem);
  return { ca: ca.certificate, serving, admin, tokenKeys: { privateKey: key, publicKey: createPublicKey(key) } };
}
