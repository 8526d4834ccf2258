import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLog } from "#log/log.ts";
import { agentSettings } from "./settings.ts";
import { shareSession } from "./shared-session.ts";
import { startXdsProxy } from "./xds-proxy.ts";

const dir = mkdtempSync(join(tmpdir(), "weft-xds-"));
after(() => rmSync(dir, { recursive: true, force: true }));

interface Answer {
  readonly bytes: Buffer;
  readonly status: string | undefined;
}

/** One call from Envoy's side of the socket, to its end. */
function call(socket: string, body: Buffer): Promise<Answer> {
  const session = http2.connect("http://envoy", { createConnection: () => connect(socket) });
  const stream = session.request({
    ":method": "POST",
    ":path": "/x",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const chunks: Buffer[] = [];
  let status: string | undefined;
  stream.on("response", (headers) => (status ??= headers["grpc-status"] as string | undefined));
  stream.on("trailers", (headers) => (status = headers["grpc-status"] as string | undefined));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => {
      session.destroy();
      resolve({ bytes: Buffer.concat(chunks), status });
    });
  });
}

async function withIstiod(
  handle: (stream: http2.ServerHttp2Stream) => void,
  use: (socket: string) => Promise<void>,
): Promise<void> {
  const istiod = http2.createServer();
  istiod.on("stream", handle);
  await new Promise<void>((resolve) => istiod.listen(0, "127.0.0.1", resolve));
  const { port } = istiod.address() as AddressInfo;
  const settings = agentSettings(
    [],
    {},
    { configPath: dir, discoveryAddress: `127.0.0.1:${port}`, controlPlaneAuthPolicy: "NONE" },
  );
  const proxy = await startXdsProxy(settings, shareSession(settings), silentLog);
  try {
    await use(settings.xdsSocket);
  } finally {
    await proxy.close();
    istiod.close();
  }
}

test("large answers come through whole, with their trailers, in both directions", async () => {
  const body = randomBytes(8 * 1024 * 1024);
  const echo = (stream: http2.ServerHttp2Stream): void => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.pipe(stream);
  };
  await withIstiod(echo, async (socket) => {
    const answer = await call(socket, body);
    assert.ok(answer.bytes.equals(body));
    assert.equal(answer.status, "0");
  });
});

test("a refusal reaches Envoy as it is; a broken stream is 'unavailable'", async () => {
  const refuse = (stream: http2.ServerHttp2Stream): void =>
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "16" }, { endStream: true });
  await withIstiod(refuse, async (socket) => assert.equal((await call(socket, Buffer.alloc(0))).status, "16"));
  const breakOff = (stream: http2.ServerHttp2Stream): void => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write("half");
    setTimeout(() => stream.session?.destroy(), 50);
  };
  await withIstiod(breakOff, async (socket) => {
    const answer = await call(socket, Buffer.from("hello"));
    assert.equal(answer.bytes.toString(), "half");
    assert.equal(answer.status, "14");
  });
});
