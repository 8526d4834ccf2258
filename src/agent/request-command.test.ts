import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";

test("a long answer goes through a pipe to its end", async () => {
  const body = "x".repeat(2_000_000);
  const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const main = join(import.meta.dirname, "main.ts");
    const child = spawn(process.execPath, [main, "request", "--debug-port", String(port), "GET", "config_dump"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => (length += chunk.length));
    const [code] = (await once(child, "close")) as [number];
    assert.deepEqual([code, length], [0, body.length]);
  } finally {
    server.close();
  }
});
