import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createServer as createTlsServer, rootCertificates } from "node:tls";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { connectionAdvice, connectTo } from "./istiod-connection.ts";

test("an istiod that says nothing is given up in time", { timeout: 10_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-connection-"));
  const rootPath = join(folder, "root.pem");
  writeFileSync(rootPath, rootCertificates[0] ?? "");
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
  const { port } = silent.address() as { port: number };
  const server = { address: `127.0.0.1:${port}`, plaintext: false, rootPath };
  await assert.rejects(connectTo(server, 300), /no answer within 0\.3 s/);
  for (const socket of sockets) socket.destroy();
  silent.close();
  rmSync(folder, { recursive: true });
});

test("a certificate that can't be trusted is told with what to do", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weft-connection-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const roots = await Promise.all(["one", "two"].map((name) => createSelfSignedRoot(name, new Date())));
  const [one, two] = roots.map((root) => root.certificatePem);
  const { publicKey, privateKey } = await generateKeyPair();
  const certificate = (names: { dns: string }[], now: Date): { cert: string; key: string } => ({
    cert: issue(authorityFrom({ certificate: one ?? "", key: roots[0]?.keyPem ?? "" }), {
      publicKey,
      names,
      lifetimeMs: 60_000,
      now,
    }),
    key: String(privateKey.export({ type: "pkcs8", format: "pem" })),
  });
  const rootPath = join(folder, "root.pem");
  /** What a connection to a server with this certificate fails by, and what is said about it. */
  const outcome = async (root: string | undefined, ...of: Parameters<typeof certificate>): Promise<string> => {
    writeFileSync(rootPath, root ?? "");
    const server = createTlsServer({ ...certificate(...of), ALPNProtocols: ["h2"] });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    const address = { address: `127.0.0.1:${port}`, plaintext: false, rootPath, serverName: "istiod.svc" };
    try {
      (await connectTo(address)).destroy();
      return "connected";
    } catch (error) {
      return connectionAdvice(error);
    } finally {
      server.close();
    }
  };
  const [now, names] = [new Date(), [{ dns: "istiod.svc" }]];
  assert.equal(await outcome(one, names, now), "connected");
  assert.match(await outcome(two, names, now), /doesn't fit the root in ConfigMap istio-ca-root-cert/);
  assert.match(await outcome(one, [{ dns: "other.svc" }], now), /another name .* ISTIOD_SAN/);
  assert.match(await outcome(one, names, new Date(now.getTime() - 3_600_000)), /are both clocks right\?/);
});
