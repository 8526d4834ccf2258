import assert from "node:assert/strict";
import { once } from "node:events";
import { type Duplex, duplexPair, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { headerDictionary } from "./dictionary.ts";
import { controlFrame, dataHead, type Frame, FrameReader, flagFin, frameType, words } from "./frame.ts";
import { createHeaderCodec } from "./header-block.ts";
import { serveSpdy } from "./session.ts";
import type { SpdyStream } from "./stream.ts";

/** The client's side of the protocol, frame by frame. */
class Client {
  readonly socket: Duplex;
  readonly frames: Frame[] = [];
  readonly #codec = createHeaderCodec();
  readonly #reader = new FrameReader();

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.frames.push(...this.#reader.push(chunk)));
  }

  async open(id: number, headers: Record<string, string>, flags = 0): Promise<void> {
    const block = await this.#codec.pack(new Map(Object.entries(headers)));
    this.socket.write(controlFrame(frameType.synStream, flags, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
  }

  send(id: number, data: Buffer, fin = false): void {
    this.socket.write(Buffer.concat([dataHead(id, data.length, fin), data]));
  }

  control(type: number): Frame[] {
    return this.frames.filter((frame) => frame.control && frame.type === type);
  }

  received(id: number): number {
    return this.frames.reduce(
      (sum, frame) => sum + (!frame.control && frame.streamId === id ? frame.data.length : 0),
      0,
    );
  }
}

function pair(onStream: (stream: SpdyStream) => void): { client: Client; session: ReturnType<typeof serveSpdy> } {
  const [ours, theirs] = duplexPair();
  const session = serveSpdy(ours, onStream);
  return { client: new Client(theirs), session };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test("the dictionary is the one of SPDY/3 (its Adler-32 is 0xe3c6a7c2)", () => {
  let [a, b] = [1, 0];
  for (const byte of headerDictionary) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  assert.equal(((b << 16) | a) >>> 0, 0xe3c6a7c2);
});

test("streams are accepted, carry data both ways, and half-close", async () => {
  const { client } = pair(async (stream) => {
    const all = await text(stream as Readable);
    stream.end(`${stream.headers.get("streamtype")}: ${all}`);
  });
  await client.open(1, { StreamType: "data" });
  await client.open(3, { streamtype: "error" }, flagFin);
  client.send(1, Buffer.from("hel"));
  client.send(1, Buffer.from("lo"), true);
  await settle();
  assert.equal(client.control(frameType.synReply).length, 2);
  const answers = client.frames.filter((frame) => !frame.control);
  assert.deepEqual(
    answers.filter(({ data }) => data.length > 0).map(({ streamId, data }) => [streamId, data.toString()]),
    [
      [3, "error: "],
      [1, "data: hello"],
    ],
  );
  assert.deepEqual(
    answers.filter(({ fin }) => fin).map(({ streamId }) => streamId),
    [3, 1],
  );
});

test("frames may be cut anywhere", async () => {
  const seen: string[] = [];
  const [ours, theirs] = duplexPair();
  serveSpdy(ours, async (stream) => seen.push(await text(stream as Readable)));
  const block = await createHeaderCodec().pack(new Map([["streamtype", "data"]]));
  const bytes = Buffer.concat([
    controlFrame(frameType.synStream, 0, Buffer.concat([words(1, 0), Buffer.alloc(2), block])),
    dataHead(1, 5, true),
    Buffer.from("piece"),
  ]);
  for (const byte of bytes) theirs.write(Buffer.from([byte]));
  await settle();
  assert.deepEqual(seen, ["piece"]);
});

test("pings are answered, resets end the stream, and destroying one resets it", async () => {
  const streams: SpdyStream[] = [];
  const { client } = pair((stream) => streams.push(stream));
  await client.open(1, { streamtype: "data" });
  await client.open(3, { streamtype: "data" });
  client.socket.write(controlFrame(frameType.ping, 0, words(7)));
  client.socket.write(controlFrame(frameType.rstStream, 0, words(1, 5)));
  await settle();
  assert.equal(client.control(frameType.ping).length, 1);
  assert.ok(streams[0]?.destroyed);
  streams[1]?.destroy();
  await settle();
  const [reset] = client.control(frameType.rstStream);
  assert.ok(reset?.control && reset.body.readUInt32BE(0) === 3);
});

test("a stream that nobody reads stops the transport, not the process's memory", async () => {
  let stalled: SpdyStream | undefined;
  const { client } = pair((stream) => (stalled = stream));
  await client.open(1, { streamtype: "data" });
  const chunk = Buffer.alloc(64 * 1024);
  let sent = 0;
  for (; sent < 200; sent++) {
    client.send(1, chunk);
    await new Promise(setImmediate);
    if (client.socket.writableNeedDrain) break;
  }
  assert.ok(sent < 100, `took ${sent} chunks`);
  assert.ok((stalled?.readableLength ?? 0) < 3 * 1024 * 1024);
  stalled?.resume();
  await once(client.socket, "drain");
});

test("a peer that uses windows gets no more than they allow, and updates for what it sends", async () => {
  const { client } = pair((stream) => {
    stream.resume();
    stream.once("data", () => stream.write(Buffer.alloc(200 * 1024)));
  });
  await client.open(1, { streamtype: "data" });
  client.socket.write(controlFrame(frameType.windowUpdate, 0, words(1, 1024)));
  client.send(1, Buffer.from("go"));
  await settle();
  assert.equal(client.received(1), 65 * 1024);
  assert.ok(client.control(frameType.windowUpdate).length >= 2);
  client.socket.write(controlFrame(frameType.windowUpdate, 0, words(1, 1024 * 1024)));
  await settle();
  assert.equal(client.received(1), 200 * 1024);
});

for (const [name, bytes] of Object.entries({
  "another protocol": Buffer.from("\x80GET / HTTP/1.1\r\n\r\n"),
  "a control frame that is too long": Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff, 1, 2, 3]),
  "a broken header block": controlFrame(frameType.synStream, 0, Buffer.concat([words(1, 0), Buffer.alloc(40, 7)])),
  "a SYN_STREAM without a body": controlFrame(frameType.synStream, 0, Buffer.alloc(2)),
}))
  test(`${name} ends the connection`, async () => {
    const { client, session } = pair(() => assert.fail("no stream"));
    client.socket.on("error", () => {});
    client.socket.write(bytes);
    await session.closed;
  });
