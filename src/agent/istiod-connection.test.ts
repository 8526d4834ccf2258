import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { connectTo } from "./istiod-connection.ts";

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
