import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { generateKeyPair } from "#x509/key-pair.ts";
import { readRequest } from "#x509/request.ts";
import { authorityFrom, createSelfSignedRoot, issue } from "./certificate.ts";

const hour = 3_600_000;
/** The other implementation to ask; a test skips without it. */
const program = "openssl";

async function root(): Promise<ReturnType<typeof authorityFrom>> {
  const { certificatePem, keyPem } = await createSelfSignedRoot("cluster.local", new Date());
  return authorityFrom({ certificate: certificatePem, key: keyPem });
}

test("a server certificate is trusted by who trusts the root, under each of its names", async () => {
  const authority = await root();
  const pair = await generateKeyPair();
  const names = [{ dns: "istiod.istio-system.svc" }, { ip: "127.0.0.1" }, { ip: "fd00::1" }];
  const pem = issue(authority, { publicKey: pair.publicKey, names, lifetimeMs: hour, now: new Date() });
  const leaf = new X509Certificate(pem);
  assert.equal(leaf.checkIssued(authority.certificate), true);
  assert.equal(leaf.subjectAltName, "DNS:istiod.istio-system.svc, IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:0:1");
  assert.match(authority.certificate.subject, /^O=cluster.local$/);
  assert.equal(authority.certificate.ca, true);
  const key = pair.privateKey.export({ type: "pkcs8", format: "pem" });
  const server = createServer({ cert: pem, key }, (socket) => socket.end());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  for (const servername of ["istiod.istio-system.svc", "evil.example"]) {
    const outcome = await new Promise<string>((done) => {
      const socket = connect({ port, host: "127.0.0.1", ca: authority.rootPem, servername }, () => done("trusted"));
      socket.on("error", (error: NodeJS.ErrnoException) => done(error.code ?? ""));
      socket.on("end", () => socket.destroy());
    });
    assert.equal(outcome, servername.startsWith("istiod") ? "trusted" : "ERR_TLS_CERT_ALTNAME_INVALID");
  }
  server.close();
});

test("openssl agrees about root, leaf and request", async (t) => {
  try {
    execFileSync(program, ["version"]);
  } catch {
    return t.skip("no openssl");
  }
  const folder = mkdtempSync(join(tmpdir(), "weft-ca-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const authority = await root();
  const openssl = (...args: string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem");
  const request = openssl("req", "-new", "-key", "key.pem", "-subj", "/O=x");
  const spiffe = { uri: "spiffe://cluster.local/ns/default/sa/reviews" };
  const leaf = issue(authority, {
    publicKey: readRequest(request).publicKey,
    names: [spiffe],
    lifetimeMs: hour,
    now: new Date(),
  });
  writeFileSync(join(folder, "root.pem"), authority.rootPem);
  writeFileSync(join(folder, "leaf.pem"), leaf);
  assert.match(openssl("verify", "-x509_strict", "-CAfile", "root.pem", "leaf.pem"), /OK/);
  assert.match(openssl("x509", "-in", "leaf.pem", "-noout", "-text"), /critical\s+URI:spiffe:\/\/cluster.local/);
});

test("a key that isn't the certificate's is refused", async () => {
  const now = new Date();
  const [a, b] = [await createSelfSignedRoot("a", now), await createSelfSignedRoot("b", now)];
  assert.throws(() => authorityFrom({ certificate: a.certificatePem, key: b.keyPem }), /doesn't belong/);
});
