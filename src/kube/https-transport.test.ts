import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createKubeClient } from "./client.ts";
import { createHttpsTransport } from "./https-transport.ts";
import { loadKubeConfig } from "./kubeconfig.ts";
import { resourceTypes } from "./resource-types.ts";

async function serve(t: TestContext, answer: (q: IncomingMessage, s: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a watch streams, and an abort ends it", async (t) => {
  let closed = false;
  const server = await serve(t, (q, s) => {
    assert.equal(q.headers.authorization, "Bearer abc");
    q.socket.on("close", () => {
      closed = true;
    });
    s.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
  });
  const client = createKubeClient(createHttpsTransport({ server, namespace: "default", token: "abc" }));
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const event of client.watch(resourceTypes.pods, { resourceVersion: "1", signal: controller.signal })) {
      assert.equal(event.type, "ADDED");
      controller.abort();
    }
  });
  await new Promise((done) => setTimeout(done, 50));
  assert.equal(closed, true);
});

test("a token file is read, and the body and query arrive", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weft-kube-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "token"), "rotated\n");
  const server = await serve(t, (q, s) => {
    let body = "";
    q.on("data", (chunk) => {
      body += String(chunk);
    });
    q.on("end", () => s.end(JSON.stringify({ url: q.url, body, auth: q.headers.authorization })));
  });
  const transport = createHttpsTransport({
    server: `${server}/prefix`,
    namespace: "default",
    tokenFile: join(folder, "token"),
  });
  const client = createKubeClient(transport);
  const seen = await client.request<Record<string, string>>({
    method: "POST",
    path: "/api",
    query: { a: "b c" },
    body: "ü",
  });
  assert.deepEqual(seen, { url: "/prefix/api?a=b+c", body: "ü", auth: "Bearer rotated" });
});

test("a kubeconfig's context, relative files and exec plugin are resolved", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weft-kube-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "ca.pem"), "CA");
  const plugin = `#!/bin/sh\necho '{"status":{"token":"from-'$WHO'"}}'\n`;
  writeFileSync(join(folder, "plugin"), plugin, { mode: 0o755 });
  const path = join(folder, "config");
  const server = await serve(t, (q, s) => s.end(JSON.stringify({ auth: q.headers.authorization })));
  writeFileSync(
    path,
    `
current-context: other
clusters: [{name: c, cluster: {server: "${server}/", certificate-authority: ca.pem}}]
users: [{name: u, user: {exec: {command: ./plugin, env: [{name: WHO, value: me}]}}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: ns}}]
`,
  );
  assert.throws(() => loadKubeConfig({ path }), /no context other/);
  const config = loadKubeConfig({ path, context: "x" });
  assert.equal(config.ca, "CA");
  assert.equal(config.namespace, "ns");
  const client = createKubeClient(createHttpsTransport(config));
  assert.deepEqual(await client.request({ method: "GET", path: "/" }), { auth: "Bearer from-me" });
});
