import assert from "node:assert/strict";
import http2 from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { silentLog } from "#log/log.ts";
import { createAdsServer } from "./ads-server.ts";
import { decodeSotwRequest } from "./discovery.ts";
import type { GrpcMethod } from "./grpc-call.ts";
import { createGrpcServer, type GrpcServerOptions } from "./grpc-server.ts";
import { GrpcError } from "./grpc-status.ts";
import { WireReader, WireWriter } from "./protobuf-wire.ts";
import { typeUrls } from "./resource.ts";
import { sharedSet } from "./resource-set.ts";
import { eventually } from "./test-envoy.ts";

const echo: GrpcMethod = async (call) => ({
  onMessage(message) {
    if (message.length === 0) throw new GrpcError(3, "empty: ä");
    call.send([message]);
  },
  onHalfClose: () => call.end(0),
  onDrain() {},
  onClose() {},
});

async function serve(t: TestContext, options: Partial<GrpcServerOptions> = {}): Promise<string> {
  const server = createGrpcServer({ methods: new Map([["/test.Echo/Echo", echo]]), log: silentLog, ...options });
  const port = await server.listen(0, "127.0.0.1");
  t.after(() => server.shutdown());
  return `127.0.0.1:${port}`;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** A call of a real gRPC library: what came, and how it ended. */
function call(t: TestContext, address: string, path = "/test.Echo/Echo") {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  t.after(() => client.close());
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, asIs, asIs);
  const received: Buffer[] = [];
  stream.on("data", (message: Buffer) => received.push(message));
  stream.on("error", () => {});
  const status = new Promise<grpc.StatusObject>((done) => stream.on("status", done));
  return { stream, received, status };
}

test("messages go to and fro with a gRPC library, small and large", async (t) => {
  const { stream, received, status } = call(t, await serve(t));
  const large = Buffer.alloc(3_000_000, 7);
  for (const message of [Buffer.from("a"), large, Buffer.from("b")]) stream.write(message);
  stream.end();
  assert.equal((await status).code, 0);
  assert.deepEqual(received, [Buffer.from("a"), large, Buffer.from("b")]);
});

test("errors reach the client with code and words", async (t) => {
  const address = await serve(t, { limits: { messageBytes: 1000 } });
  const failing = call(t, address);
  failing.stream.write(Buffer.alloc(0));
  assert.deepEqual(await failing.status.then(({ code, details }) => [code, details]), [3, "empty: ä"]);
  assert.equal((await call(t, address, "/test.Echo/Other").status).code, 12);
  const long = call(t, address);
  long.stream.write(Buffer.alloc(1001));
  const { code, details } = await long.status;
  assert.deepEqual([code, details], [8, "a message of 1001 bytes; at most 1000 are accepted"]);
});

test("a connection that is too old is ended in an orderly way", async (t) => {
  const { stream, status } = call(t, await serve(t, { limits: { connectionAgeMs: 100 } }));
  stream.write(Buffer.from("a"));
  assert.equal((await status).code, 14);
});

test("a client that doesn't answer pings is dropped", async (t) => {
  let isClosed = false;
  const quiet: GrpcMethod = async () => ({
    onMessage() {},
    onHalfClose() {},
    onDrain() {},
    onClose: () => {
      isClosed = true;
    },
  });
  const limits = { pingIntervalMs: 30, pingTimeoutMs: 30 };
  const address = await serve(t, { methods: new Map([["/test.Echo/Echo", quiet]]), limits });
  // A line that can be cut without a word to either side.
  const line = { isCut: false };
  const relay = createTcpServer((near) => {
    const far = connectTcp(Number(address.split(":")[1]), "127.0.0.1");
    near.on("data", (chunk) => line.isCut || far.write(chunk));
    far.on("data", (chunk) => line.isCut || near.write(chunk));
    for (const socket of [near, far]) {
      socket.on("error", () => {});
      t.after(() => socket.destroy());
    }
  });
  await new Promise<void>((done) => relay.listen(0, "127.0.0.1", done));
  t.after(() => relay.close());
  const session = http2.connect(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`);
  t.after(() => session.destroy());
  session.on("error", () => {});
  const stream = session.request({ ":method": "POST", ":path": "/test.Echo/Echo", "content-type": "application/grpc" });
  stream.on("error", () => {});
  await sleep(150);
  assert.equal(isClosed, false, "one that answers stays");
  line.isCut = true;
  await eventually(() => assert.equal(isClosed, true));
});

test("a client that doesn't read holds back nobody else, and gets only the newest when it reads", async (t) => {
  const size = 2_000_000;
  let version = 1;
  const sent: string[] = [];
  const ads = createAdsServer({
    log: silentLog,
    controlPlane: "test",
    authenticate: () => {},
    open: ({ id }) => ({
      id,
      view: () => {
        const name = `v${version}`;
        const any = Buffer.alloc(size, version);
        return { version: name, generate: () => sharedSet([{ name: "l", version: name, any }]) };
      },
      onSent: () => sent.push(id),
    }),
  });
  t.after(() => ads.stop());
  const address = await serve(t, { methods: ads.methods });
  const open = (id: string): http2.ClientHttp2Stream => {
    const session = http2.connect(`http://${address}`, { settings: { initialWindowSize: 64 * 1024 } });
    t.after(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
      "content-type": "application/grpc",
    });
    request(stream, new WireWriter().message(2, new WireWriter().string(1, id)).string(4, typeUrls.listener));
    return stream;
  };
  const request = (stream: http2.ClientHttp2Stream, message: WireWriter): void => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([header, message.finish()]));
  };
  const slow = open("slow");
  slow.pause();
  const fast = open("fast");
  const versions: number[] = [];
  let buffered = Buffer.alloc(0);
  fast.on("data", (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 5 && buffered.length >= 5 + buffered.readUInt32BE(1)) {
      const end = 5 + buffered.readUInt32BE(1);
      const { nonce, last } = readResponse(buffered.subarray(5, end));
      buffered = buffered.subarray(end);
      versions.push(last);
      request(fast, new WireWriter().string(4, typeUrls.listener).string(5, nonce));
    }
  });
  await eventually(() => assert.deepEqual(versions, [1]));
  for (version = 2; version <= 5; version++) {
    ads.push("all");
    await eventually(() => assert.equal(versions.at(-1), version));
  }
  version = 5;
  assert.deepEqual(versions, [1, 2, 3, 4, 5]);
  assert.equal(sent.filter((id) => id === "slow").length, 1);
  let bytes = 0;
  slow.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  slow.resume();
  await eventually(() => assert.ok(bytes > 2 * size));
  assert.equal(sent.filter((id) => id === "slow").length, 2);
});

/** The nonce, and the last byte of the resource. */
function readResponse(message: Uint8Array): { readonly nonce: string; readonly last: number } {
  const reader = new WireReader(message);
  let nonce = "";
  let last = 0;
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 2) last = reader.bytes().at(-1) ?? 0;
    else if (tag.field === 5) nonce = reader.string();
    else reader.skip(tag.type);
  }
  return { nonce, last };
}

test("garbage from the network is refused, not trusted", () => {
  for (const bytes of [[0x0a, 0xff], [0xff], [0x22, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]])
    assert.throws(() => decodeSotwRequest(Uint8Array.from(bytes)), { name: "WireError" });
  // A Struct in a Struct in a Struct …
  let struct = new WireWriter().string(1, "k");
  for (let depth = 0; depth < 100; depth++)
    struct = new WireWriter().message(
      1,
      new WireWriter().string(1, "k").message(2, new WireWriter().message(5, struct)),
    );
  const deep = new WireWriter().message(2, new WireWriter().message(3, struct)).finish();
  assert.throws(() => decodeSotwRequest(deep), /nested too deeply/);
});
