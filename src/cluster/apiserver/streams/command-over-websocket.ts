import { Readable, Writable } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { PodStreams } from "../../pod-streams.ts";
import { type CommandTarget, runCommand } from "./remote-command.ts";
import { createResizes, parseSize } from "./resize.ts";

/** Protocols of exec and attach over WebSocket, best first. Only v5 can say that stdin has ended. */
export const websocketCommandProtocols: readonly string[] = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];

/** The first byte of every message (Kubernetes: `remotecommand` constants). */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Longest message we send (bytes). */
const maxMessage = 32 * 1024;
/** A client whose stdin is not read can't get answers to its pings; it hears from us so often instead (ms). */
const pongInterval = 10_000;

export function commandOverWebsocket(
  socket: WebSocket,
  protocol: string,
  target: CommandTarget,
  streams: PodStreams,
): void {
  const gone = new AbortController();
  const { push: resized, onResize } = createResizes();
  const stdin = target.stdin ? createStdin(socket) : undefined;
  const isText = protocol !== "v5.channel.k8s.io" && protocol !== "v4.channel.k8s.io";
  let stdinEnded = false;

  socket.on("error", () => socket.terminate());
  socket.on("close", () => {
    gone.abort();
    stdin?.destroy();
  });
  socket.on("message", (data: RawData) => {
    const message = bytesOf(data);
    const payload = message.subarray(1);
    switch (message[0]) {
      case channel.stdin:
        if (stdin && !stdinEnded && !stdin.destroyed && payload.length > 0 && !stdin.push(payload)) socket.pause();
        break;
      case channel.resize: {
        const size = parseSize(payload.toString("utf8"));
        if (size) resized(size);
        break;
      }
      case channel.close:
        if (payload[0] !== channel.stdin || stdinEnded) break;
        stdinEnded = true;
        stdin?.push(null);
        break;
      default:
    }
  });

  void runCommand(target, streams, {
    ...(stdin ? { stdin } : {}),
    ...(target.stdout ? { stdout: createOutput(socket, channel.stdout) } : {}),
    ...(target.stderr && !target.tty ? { stderr: createOutput(socket, channel.stderr) } : {}),
    ...(target.tty ? { onResize } : {}),
    signal: gone.signal,
    finish(outcome) {
      stdinEnded = true;
      const text = !isText
        ? JSON.stringify(outcome)
        : outcome.status === "Success"
          ? ""
          : (outcome.message ?? "failed");
      socket.send(Buffer.concat([Buffer.from([channel.error]), Buffer.from(text)]), () => {
        socket.close(1000);
        // Its close must be heard, whatever it was still sending.
        socket.resume();
      });
    },
  });
}

export function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

/** Reads what the client sends; while nobody takes it the socket is paused. */
function createStdin(socket: WebSocket): Readable {
  const beat = setInterval(() => {
    if (socket.isPaused && socket.readyState === socket.OPEN) socket.pong(() => {});
  }, pongInterval);
  beat.unref();
  const stdin = new Readable({
    read() {
      if (socket.isPaused) socket.resume();
    },
    destroy(error, done) {
      clearInterval(beat);
      if (socket.isPaused) socket.resume();
      done(error);
    },
  });
  stdin.on("error", () => {});
  return stdin;
}

/** One channel to the client: a message per chunk, and no more until it went out. */
export function createOutput(socket: WebSocket, number: number): Writable {
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (socket.readyState !== socket.OPEN) {
        done(new Error("the client has closed the connection"));
        return;
      }
      const head = Buffer.from([number]);
      for (let at = 0; at < chunk.length; at += maxMessage) {
        const message = Buffer.concat([head, chunk.subarray(at, at + maxMessage)]);
        const isLast = at + maxMessage >= chunk.length;
        socket.send(message, isLast ? (error) => done(error ?? null) : undefined);
      }
      if (chunk.length === 0) done();
    },
  });
  output.on("error", () => {});
  return output;
}
