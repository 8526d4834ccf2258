import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Log } from "#log/log.ts";
import { framed } from "./forward.ts";

export interface DnsServer {
  /** The same for UDP and TCP. */
  readonly port: number;
  stop(): Promise<void>;
}

const maxConnections = 200;
/** A connection that says nothing for so long (ms) is closed (RFC 7766 §6.2.3). */
const idleTimeout = 10_000;

/** The answer to a query, both as bytes; undefined for what isn't a query and must be ignored. */
export type AnswerQuery = (query: Buffer, over: "udp" | "tcp") => Promise<Buffer | undefined>;

/** Answers on `host`, on the first of `ports` that is free; 0 is any. */
export async function startDnsServer(
  host: string,
  ports: readonly number[],
  answer: AnswerQuery,
  log: Log,
): Promise<DnsServer> {
  for (const port of ports) {
    const udp = createSocket(isIPv6(host) ? "udp6" : "udp4");
    try {
      const bound = await bind(udp, host, port);
      const tcp = await listen(host, bound, answer, log);
      serveDatagrams(udp, answer, log);
      return {
        port: bound,
        async stop() {
          udp.close();
          await new Promise((done) => tcp.close(done));
        },
      };
    } catch (error) {
      try {
        udp.close();
      } catch {
        // It wasn't bound.
      }
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error(`none of the ports ${ports.join(", ")} is free on ${host}, which DNS needs`);
}

async function bind(udp: DatagramSocket, host: string, port: number): Promise<number> {
  udp.bind(port, host);
  await once(udp, "listening");
  return udp.address().port;
}

function serveDatagrams(udp: DatagramSocket, answer: AnswerQuery, log: Log): void {
  udp.on("error", (error) => log.warn("DNS socket failed", { error }));
  udp.on("message", (query, from) => {
    answer(query, "udp")
      .then((bytes) => bytes && udp.send(bytes, from.port, from.address))
      .catch((error: unknown) => log.warn("DNS question failed", { error }));
  });
}

async function listen(host: string, port: number, answer: AnswerQuery, log: Log): Promise<Server> {
  const server = createServer((socket) => serveStream(socket, answer, log));
  server.maxConnections = maxConnections;
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

function serveStream(socket: Socket, answer: AnswerQuery, log: Log): void {
  let received = Buffer.alloc(0);
  socket.setTimeout(idleTimeout, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const length = received.readUInt16BE(0);
      const query = Buffer.from(received.subarray(2, 2 + length));
      received = received.subarray(2 + length);
      answer(query, "tcp")
        .then((bytes) => (bytes ? socket.writable && socket.write(framed(bytes)) : socket.destroy()))
        .catch((error: unknown) => log.warn("DNS question failed", { error }));
    }
  });
}
