import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { connectTo, discoveryServer } from "./istiod-connection.ts";
import { agentSettings } from "./settings.ts";

test("an istiod that says nothing is given up in time", { timeout: 10_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-connection-"));
  const rootCertPath = join(folder, "root.pem");
  writeFileSync(rootCertPath, rootCertificates[0] ?? "");
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const settings = { ...agentSettings([], {}, { discoveryAddress: `127.0.0.1:${port}` }), rootCertPath };
  await assert.rejects(connectTo(discoveryServer(settings), 300), /no answer within 0\.3 s/);
  for (const socket of sockets) socket.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});
