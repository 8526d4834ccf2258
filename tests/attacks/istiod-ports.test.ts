import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { typeUrls } from "#xds/resource.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { frame, grpcExchange } from "./grpc-exchange.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";

const ads = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame of HTTP/2. RFC 9113 §4.1 */
function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const [headersFrame, resetFrame, settingsFrame, pingFrame, continuationFrame] = [1, 3, 4, 6, 9];
const opened = Buffer.concat([preface, http2Frame(settingsFrame, 0, 0, Buffer.alloc(0))]);
/** `:method: POST`, `:scheme: http`, `:path: /`, from HPACK's static table. RFC 7541 appendix A */
const request = Buffer.from([0x83, 0x86, 0x84]);

/** Sends until the other side closes; resolves to how many bytes went out, or undefined when it didn't within `ms`. */
function flood(
  port: number,
  first: Uint8Array,
  next: (count: number) => Uint8Array,
  ms = 10_000,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let count = 0;
    const end = (result: number | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(undefined), ms);
    const pump = (): void => {
      for (; !socket.destroyed && count < 1_000_000; count++)
        if (!socket.write(next(count))) {
          socket.once("drain", pump);
          count++;
          return;
        }
    };
    socket.resume();
    socket.on("error", () => {});
    socket.on("close", () => end(socket.bytesWritten));
    socket.on("connect", () => {
      socket.write(first);
      pump();
    });
  });
}

describe("what comes at istiod's ports is bounded", { concurrency: true }, () => {
  let mesh: AttackedMesh;
  before(async () => {
    mesh = await startAttackedMesh();
  });
  after(() => mesh.stop());

  /** What an honest client sees on each port: an answer, and soon. */
  async function serves(): Promise<void> {
    const { ports } = mesh.istiod;
    const rootPem = mesh.istiod.rootPem();
    const began = performance.now();
    const ready = await rawExchange(
      { port: ports.monitoring },
      "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert.deepEqual(statusesOf(ready.text), [200]);
    const webhook = await rawExchange(
      { port: ports.webhook, tls: { ca: rootPem, servername: "istiod.istio-system.svc" } },
      "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert.deepEqual(statusesOf(webhook.text), [200]);
    const secure = await grpcExchange({ port: ports.secureXds, ca: rootPem }, ads, frame(Buffer.alloc(0)));
    assert.equal(secure.status, 16, JSON.stringify(secure));
    const plain = await grpcExchange({ port: ports.xds }, ads, frame(Buffer.alloc(0)));
    assert.equal(plain.status, 3, JSON.stringify(plain));
    assert.ok(performance.now() - began < 5_000);
  }

  /** Connections that say `bytes` and then hardly anything. All are closed by istiod within `seconds`. */
  async function slowly(
    port: number,
    bytes: string | Uint8Array,
    drop: string | Uint8Array,
    seconds: number,
  ): Promise<void> {
    const sockets = Array.from({ length: 100 }, (): Socket => {
      const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
      return socket.on("error", () => {}).resume();
    });
    const dripping = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write(drop);
    }, 1_000);
    try {
      await sleep(1_000);
      await serves();
      const end = Date.now() + seconds * 1_000;
      while (sockets.some(({ closed }) => !closed) && Date.now() < end) await sleep(250);
      const open = sockets.filter(({ closed }) => !closed).length;
      assert.equal(open, 0, `${open} of ${sockets.length} connections are still open`);
    } finally {
      clearInterval(dripping);
      for (const socket of sockets) socket.destroy();
    }
  }

  test("15014: a request whose header never ends", () =>
    slowly(mesh.istiod.ports.monitoring, "GET /metrics HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", 15));
  test("15012 and 15017: a TLS handshake that never ends", async () => {
    await Promise.all(
      [mesh.istiod.ports.secureXds, mesh.istiod.ports.webhook].map((port) =>
        slowly(port, Buffer.from("1603010200010001fc0303", "hex"), Buffer.from([0]), 15),
      ),
    );
  });
  test("15010: a preface that never comes", () => slowly(mesh.istiod.ports.xds, "", "", 15));
  test("15014: a body that never ends", () =>
    slowly(mesh.istiod.ports.monitoring, "POST /debug HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", " ", 15));

  test("15014 and 15017: a header of 1 MB, a target of 1 MB, a body of 100 MB", async () => {
    const { ports } = mesh.istiod;
    const rootPem = mesh.istiod.rootPem();
    const webhook = { port: ports.webhook, tls: { ca: rootPem, servername: "istiod.istio-system.svc" } };
    const big = "x".repeat(1024 * 1024);
    for (const target of [{ port: ports.monitoring }, webhook])
      for (const bytes of [
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${big}\r\n\r\n`,
        `GET /${big} HTTP/1.1\r\nHost: x\r\n\r\n`,
      ]) {
        const { text, error } = await rawExchange(target, bytes);
        assert.ok(error !== undefined || statusesOf(text)[0] === 431, text.slice(0, 200));
      }
    const body = `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n${"x".repeat(20 * 1024 * 1024)}`;
    const { text, error } = await rawExchange(webhook, body, { quietMs: 2_000 });
    assert.ok(error !== undefined || statusesOf(text)[0] === 413, text.slice(0, 200));
    await serves();
  });

  test("15017: JSON that is none, or a thousand levels deep", async () => {
    const { ports } = mesh.istiod;
    const rootPem = mesh.istiod.rootPem();
    const tls = { ca: rootPem, servername: "istiod.istio-system.svc" };
    for (const path of ["/validate", "/inject"])
      for (const body of [
        "{",
        "[]",
        '{"request":null}',
        "[".repeat(100_000),
        `{"request":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
      ]) {
        const bytes = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        const { text } = await rawExchange({ port: ports.webhook, tls }, bytes);
        assert.match(text, /^HTTP\/1.1 400 /, body.slice(0, 40));
      }
    await serves();
  });

  test("15010: headers that go on and on, requests that are taken back at once, pings without end", async () => {
    const port = mesh.istiod.ports.xds;
    const piece = Buffer.alloc(16_000, 0x80 | 2);
    const sent = await Promise.all([
      flood(port, Buffer.concat([opened, http2Frame(headersFrame, 0, 1, request)]), () =>
        http2Frame(continuationFrame, 0, 1, piece),
      ),
      flood(port, opened, (count) =>
        Buffer.concat([
          http2Frame(headersFrame, 4, 2 * count + 1, request),
          http2Frame(resetFrame, 0, 2 * count + 1, Buffer.from([0, 0, 0, 8])),
        ]),
      ),
    ]);
    for (const bytes of sent)
      assert.ok(bytes !== undefined && bytes < 64 * 1024 * 1024, `cut off after ${bytes} bytes`);
    await flood(port, opened, () => http2Frame(pingFrame, 0, 0, Buffer.alloc(8)), 2_000);
    await serves();
  });

  test("15010: more names than there can be, in one request and in several", async () => {
    const node = new WireWriter().string(1, "sidecar~10.1.1.1~a.shop~shop.svc.cluster.local");
    const asking = (from: number, count: number): Buffer => {
      const request = new WireWriter().message(1, node).string(2, typeUrls.endpoint);
      for (let index = from; index < from + count; index++) request.string(3, `outbound|80||x${index}.example.com`);
      return frame(request.finish());
    };
    const whole = await grpcExchange({ port: mesh.istiod.ports.xds }, ads, asking(0, 100_001));
    assert.equal(whole.status, 3, whole.reason);
    // The first is answered: there is nothing by these names.
    await grpcExchange(
      { port: mesh.istiod.ports.xds },
      ads,
      Buffer.concat([asking(0, 60_000), asking(60_000, 60_000)]),
    );
    await eventually(() => assert.match(mesh.istiodLog.text(), /warn a proxy asks for too many names/));
    await serves();
  });

  test("15010: a message that says it is 4 GB, and one of 20 MB", async () => {
    const { status, reason } = await grpcExchange(
      { port: mesh.istiod.ports.xds },
      ads,
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
    );
    assert.equal(status, 8, reason);
    const large = await grpcExchange({ port: mesh.istiod.ports.xds }, ads, frame(Buffer.alloc(20 * 1024 * 1024)));
    assert.ok(large.status === 8 || large.error, JSON.stringify(large));
    const name = Buffer.concat([Buffer.from([0x12, typeUrls.listener.length]), Buffer.from(typeUrls.listener)]);
    assert.equal((await grpcExchange({ port: mesh.istiod.ports.xds }, ads, frame(name))).status, 3, "no node");
    await serves();
  });
});
