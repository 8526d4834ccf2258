import "reflect-metadata"; // @peculiar/x509 needs it first
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate that signs itself, for servers in tests; PEM. */
export async function testCertificate(...names: string[]): Promise<{ cert: string; key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const hour = 60 * 60 * 1000;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: `CN=${names[0] ?? "test"}`,
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + hour),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value })))],
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { cert: certificate.toString("pem"), key };
}
