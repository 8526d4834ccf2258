import { type Duplex, pipeline } from "node:stream";
import type { WebSocket } from "ws";
import { createLog } from "#log/log.ts";
import type { PodRef, PodStreams } from "../../pod-streams.ts";
import { bytesOf, createOutput } from "./command-over-websocket.ts";
import { serveSpdy } from "./spdy/session.ts";
import type { SpdyStream } from "./spdy/stream.ts";

export const portForwardProtocol = "portforward.k8s.io";
/** The same SPDY bytes inside WebSocket messages (kubectl 1.31 and later). */
export const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
/** Channels of a WebSocket, two for each port that the request names. */
export const websocketPortProtocol = "v4.channel.k8s.io";

const log = createLog("streams");
/** How long a client may take to open the second stream of a pair (ms; Kubernetes: `StreamCreationTimeout`). */
const pairTime = 30_000;

function forwardError(pod: PodRef, port: number, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  log.debug("port-forward failed", { ...pod, port, error });
  return `error forwarding port ${port} to pod ${pod.namespace}/${pod.name}: ${text}`;
}

/**
 * Every connection of the client is a pair of streams, `data` and `error`, with the same `requestid`. What is written to
 * the error stream ends the client's connection with that message.
 */
export function portForwardOverSpdy(transport: Duplex, pod: PodRef, streams: PodStreams): void {
  const halves = new Map<string, SpdyStream>();
  serveSpdy(transport, (stream) => {
    const type = stream.headers.get("streamtype");
    const port = Number(stream.headers.get("port"));
    // Clients before request ids opened the error stream just before the data stream.
    const id = stream.headers.get("requestid") ?? String(type === "data" ? stream.id - 2 : stream.id);
    const isPort = Number.isInteger(port) && port > 0 && port <= 0xffff;
    if ((type !== "data" && type !== "error") || !isPort) {
      stream.destroy();
      return;
    }
    const other = halves.get(id);
    if (!other) {
      halves.set(id, stream);
      const late = setTimeout(() => stream.destroy(), pairTime).unref();
      stream.once("close", () => {
        clearTimeout(late);
        if (halves.get(id) === stream) halves.delete(id);
      });
      stream.once("paired", () => clearTimeout(late));
      return;
    }
    halves.delete(id);
    other.emit("paired");
    const [data, error] = type === "data" ? [stream, other] : [other, stream];
    error.resume();
    void forward(data, error, pod, port, streams);
  });
}

async function forward(
  data: SpdyStream,
  error: SpdyStream,
  pod: PodRef,
  port: number,
  streams: PodStreams,
): Promise<void> {
  let connection: Duplex;
  try {
    connection = await streams.portForward(pod, port);
  } catch (cause) {
    error.end(forwardError(pod, port, cause));
    data.end();
    data.resume();
    return;
  }
  connection.on("error", () => {});
  // The two directions end one by one: a client that has sent all may still be reading.
  let open = 2;
  const done = (cause?: Error | null): void => {
    open -= 1;
    if (cause) {
      connection.destroy();
      data.destroy();
      open = 0;
    }
    if (open > 0) return;
    connection.destroy();
    if (!error.destroyed && !error.writableEnded) error.end();
  };
  pipeline(data, connection, done);
  pipeline(connection, data, done);
}

/**
 * The older form for clients without SPDY (Kubernetes' Python client): for the nth port of the request channel 2n is data and
 * 2n+1 errors; the first message on each says the port.
 */
export function portForwardOverWebsocket(
  socket: WebSocket,
  pod: PodRef,
  ports: readonly number[],
  streams: PodStreams,
): void {
  const connections: (Duplex | undefined)[] = [];
  const waiting: Buffer[][] = ports.map(() => []);
  /** Before a connection is there the client may send so much for it (bytes). */
  const maxWaiting = 1024 * 1024;
  socket.on("error", () => socket.terminate());
  socket.on("close", () => {
    for (const connection of connections) connection?.destroy();
  });
  socket.on("message", (raw) => {
    const message = bytesOf(raw);
    const number = message[0] ?? 0;
    if (number % 2 === 1) return;
    const index = number / 2;
    const payload = message.subarray(1);
    const connection = connections[index];
    if (connection) {
      if (!connection.write(payload)) {
        socket.pause();
        connection.once("drain", () => socket.resume());
        connection.once("close", () => socket.resume());
      }
      return;
    }
    const queue = waiting[index];
    if (!queue) return;
    queue.push(payload);
    if (queue.reduce((sum, part) => sum + part.length, 0) > maxWaiting) socket.terminate();
  });
  ports.forEach((port, index) => void open(port, index));

  async function open(port: number, index: number): Promise<void> {
    const data = createOutput(socket, index * 2);
    const errors = createOutput(socket, index * 2 + 1);
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    data.write(number);
    errors.write(number);
    try {
      const connection = await streams.portForward(pod, port);
      connection.on("error", () => {});
      if (socket.readyState !== socket.OPEN) {
        connection.destroy();
        return;
      }
      connections[index] = connection;
      for (const part of waiting[index]?.splice(0) ?? []) connection.write(part);
      connection.once("close", () => {
        if (connections.every((other) => other?.destroyed)) socket.close(1000);
      });
      pipeline(connection, data, () => connection.destroy());
    } catch (error) {
      errors.write(forwardError(pod, port, error));
    }
  }
}
