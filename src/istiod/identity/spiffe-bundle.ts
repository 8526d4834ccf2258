import { X509Certificate } from "node:crypto";
import { get } from "node:https";
import { toPem } from "#x509/pem.ts";

const timeoutMs = 10_000;
const maxBytes = 1024 * 1024;
const maxCertificates = 100;

/** The X.509 authorities of a SPIFFE bundle document, PEM. Throws an Error for what isn't one. SPIFFE Trust Domain and Bundle §4. */
export function readSpiffeBundle(text: string): readonly string[] {
  const { keys } = JSON.parse(text) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error("it has no keys");
  const certificates = keys
    .filter((key: { use?: unknown } | null) => key?.use === "x509-svid")
    .flatMap(({ x5c }: { x5c?: unknown }) => {
      // SPIFFE: one certificate, no chain.
      if (!Array.isArray(x5c) || typeof x5c[0] !== "string") throw new Error("a key for x509-svid has no x5c");
      const certificate = new X509Certificate(Buffer.from(x5c[0], "base64"));
      if (!certificate.ca) throw new Error(`${certificate.subject} isn't the certificate of a CA`);
      return [toPem("CERTIFICATE", certificate.raw)];
    });
  if (certificates.length > maxCertificates) throw new Error(`it has more than ${maxCertificates} certificates`);
  return certificates;
}

/** Gets the bundle of another trust domain: HTTPS only, 10 s and 1 MiB at most. */
export async function fetchSpiffeBundle(url: string, signal: AbortSignal): Promise<readonly string[]> {
  if (!url.startsWith("https://")) throw new Error("only https:// is fetched");
  const text = await new Promise<string>((resolve, reject) => {
    const request = get(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) }, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) answer.destroy(new Error(`it is longer than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      answer.once("error", reject);
      answer.once("end", () =>
        answer.statusCode === 200
          ? resolve(Buffer.concat(chunks).toString("utf8"))
          : reject(new Error(`it answers with status ${answer.statusCode}`)),
      );
    });
    request.once("error", reject);
  });
  return readSpiffeBundle(text);
}
