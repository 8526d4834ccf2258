import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { Duplex } from "node:stream";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { type ExecOptions, PodStreamError, type PodStreams } from "../../pod-streams.ts";
import { handleUpgrade, type StreamTarget } from "./upgrade.ts";

let server: Server;
let target: StreamTarget;
let exec: (options: ExecOptions) => Promise<{ exitCode: number }>;

const streams: PodStreams = {
  logs: () => Promise.reject(new PodStreamError(404, "no logs here")),
  exec: (_container, options) => exec(options),
  attach: () => Promise.reject(new PodStreamError(400, "not running")),
  async portForward(_pod, port) {
    if (port !== 80) throw new PodStreamError(500, "connection refused");
    // An echo.
    return Duplex.from(async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) yield chunk;
    });
  },
};

before(async () => {
  server = createServer().listen(0, "127.0.0.1");
  server.on("upgrade", (request, socket, head) => handleUpgrade(request, socket, head, target, streams));
  await once(server, "listening");
});
after(() => server.close());

const port = (): number => (server.address() as AddressInfo).port;
const command = (more: object = {}): StreamTarget => ({
  kind: "exec",
  container: { namespace: "default", name: "web", container: "app" },
  command: ["x"],
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
  ...more,
});

function open(protocol?: string): { socket: WebSocket; messages: Buffer[] } {
  const messages: Buffer[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${port()}/`, protocol ? [protocol] : []);
  socket.on("message", (data: Buffer) => messages.push(data));
  socket.on("error", () => {});
  return { socket, messages };
}

async function settled(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition());
}

function refused(
  headers: Record<string, string>,
): Promise<{ code: number; headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    request({ port: port(), host: "127.0.0.1", headers: { connection: "Upgrade", ...headers } }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => resolve({ code: response.statusCode ?? 0, headers: response.headers, body }));
    })
      .on("upgrade", () => reject(new Error("was upgraded")))
      .on("error", reject)
      .end();
  });
}

test("unknown protocols are refused before the upgrade, with a Status", async () => {
  target = command();
  const websocket = {
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "v9.channel.k8s.io",
  };
  const first = await refused(websocket);
  assert.equal(first.code, 400);
  assert.match((JSON.parse(first.body) as { message: string }).message, /v9\.channel\.k8s\.io/);
  const spdy = await refused({ upgrade: "SPDY/3.1", "x-stream-protocol-version": "v9.channel.k8s.io" });
  assert.equal(spdy.code, 403);
  assert.match(String(spdy.headers["x-accepted-stream-protocol-versions"]), /v4\.channel\.k8s\.io/);
  assert.equal((await refused({ upgrade: "h2c" })).code, 400);
});

test("v4 reports the exit code as a Status, v1 as text", async () => {
  target = command({ stdin: false });
  exec = async ({ stdout }) => {
    stdout?.write("out");
    return { exitCode: 7 };
  };
  for (const protocol of ["v4.channel.k8s.io", undefined]) {
    const { socket, messages } = open(protocol);
    await once(socket, "close");
    assert.equal(messages[0]?.toString(), "\x01out");
    const last = messages.at(-1);
    assert.equal(last?.[0], 3);
    const text = last.subarray(1).toString();
    if (!protocol) assert.match(text, /exit status 7/);
    else
      assert.deepEqual((JSON.parse(text) as { details: object }).details, {
        causes: [{ reason: "ExitCode", message: "7" }],
      });
  }
});

test("a client that goes away ends the command", async () => {
  target = command();
  let signal: AbortSignal | undefined;
  exec = (options) => {
    signal = options.signal;
    return new Promise((_resolve, reject) => {
      options.signal.addEventListener("abort", () => reject(new Error("ended")));
    });
  };
  const { socket } = open("v5.channel.k8s.io");
  await once(socket, "open");
  await settled(() => signal !== undefined);
  socket.terminate();
  await settled(() => signal?.aborted === true);

  signal = undefined;
  const raw = connect(port(), "127.0.0.1");
  raw.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
  await once(raw, "data");
  // No streams were opened, so nothing was started.
  raw.destroy();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(signal, undefined);
});

test("stdin that nobody reads holds the client back", async () => {
  target = command();
  let stdin: ExecOptions["stdin"];
  exec = (options) => {
    stdin = options.stdin;
    return new Promise((resolve) => options.signal.addEventListener("abort", () => resolve({ exitCode: 1 })));
  };
  const { socket } = open("v5.channel.k8s.io");
  await once(socket, "open");
  const message = Buffer.alloc(64 * 1024);
  for (let i = 0; i < 400; i++) socket.send(message);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok((stdin?.readableLength ?? 0) < 2 * 1024 * 1024, `${stdin?.readableLength} bytes are kept`);
  assert.ok(socket.bufferedAmount > 0);
  socket.terminate();
});

test("port-forward in the old WebSocket form: two channels a port, led by its number", async () => {
  target = { kind: "portforward", pod: { namespace: "default", name: "web" }, ports: [80, 81] };
  const { socket, messages } = open("v4.channel.k8s.io");
  await once(socket, "open");
  socket.send(Buffer.from("\x00ping"));
  await settled(() => messages.length === 6);
  const on = (channel: number): string[] =>
    messages.filter((message) => message[0] === channel).map((message) => message.subarray(1).toString("latin1"));
  assert.deepEqual(on(0), ["P\0", "ping"]);
  assert.deepEqual(on(1), ["P\0"]);
  assert.deepEqual(on(2), ["Q\0"]);
  assert.deepEqual(on(3), ["Q\0", "error forwarding port 81 to pod default/web: connection refused"]);
  socket.terminate();
});
