import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setDefaultCACertificates } from "node:tls";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { silentLog } from "#log/log.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { followMeshAnchors } from "./mesh-anchors.ts";
import { fetchSpiffeBundle, readSpiffeBundle } from "./spiffe-bundle.ts";

const root = await createSelfSignedRoot("partner", new Date());
const x5c = [new X509Certificate(root.certificatePem).raw.toString("base64")];
const bundle = { spiffe_sequence: 1, keys: [{ use: "x509-svid", kty: "EC", x5c }, { use: "jwt-svid" }] };

test("the X.509 authorities of a bundle are read; what isn't one is an error", () => {
  assert.deepEqual(readSpiffeBundle(JSON.stringify(bundle)), [root.certificatePem]);
  for (const text of ["", "{}", '{"keys":[{"use":"x509-svid"}]}', '{"keys":[{"use":"x509-svid","x5c":["eA=="]}]}'])
    assert.throws(() => readSpiffeBundle(text), text);
});

test("a bundle is fetched over HTTPS, bounded, and what was there stays when it can't be fetched", async (t) => {
  const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
  const pair = await generateKeyPair();
  const names = [{ dns: "localhost" }];
  const cert = issue(authority, { publicKey: pair.publicKey, names, lifetimeMs: 3_600_000, now: new Date() });
  const key = pair.privateKey.export({ type: "pkcs8", format: "pem" });
  const server = createServer({ cert, key }, (request, response) => {
    if (request.url === "/bundle") response.end(JSON.stringify(bundle));
    else if (request.url === "/long") response.end("x".repeat(2_000_000));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
    server.close();
    server.closeAllConnections();
  });
  const at = (path: string): string => `https://localhost:${(server.address() as AddressInfo).port}${path}`;
  await assert.rejects(fetchSpiffeBundle(at("/bundle"), stop.signal), /unable to verify|self-signed/);
  setDefaultCACertificates([root.certificatePem]);
  assert.deepEqual(await fetchSpiffeBundle(at("/bundle"), stop.signal), [root.certificatePem]);
  await assert.rejects(fetchSpiffeBundle(at("/long"), stop.signal), /longer than/);
  await assert.rejects(fetchSpiffeBundle(at("/none"), stop.signal), /status 404/);
  await assert.rejects(fetchSpiffeBundle("http://localhost/", stop.signal), /only https/);

  const other = (await createSelfSignedRoot("other", new Date())).certificatePem;
  const changed: (() => void)[] = [];
  const onChange = (): void => {
    for (const done of changed.splice(0)) done();
  };
  const nextChange = (): Promise<void> => new Promise((done) => changed.push(done));
  const anchors = followMeshAnchors({ onChange, signal: stop.signal, log: silentLog });
  anchors.set([{ pem: other }, { pem: "broken" }, { spiffeBundleUrl: at("/none") }]);
  assert.deepEqual(anchors.current(), [other]);
  const fetched = nextChange();
  anchors.set([{ pem: other }, { spiffeBundleUrl: at("/bundle") }]);
  await fetched;
  assert.deepEqual(anchors.current(), [other, root.certificatePem].sort());
  anchors.set([]);
  assert.deepEqual(anchors.current(), []);
});
