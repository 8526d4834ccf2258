import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "#log/log.ts";
import { type Answering, answer } from "./answer.ts";
import { framed } from "./forward.ts";

export interface DnsServer {
  /** The same for UDP and TCP. */
  readonly port: number;
  stop(): Promise<void>;
}

const maxConnections = 200;
/** A connection that says nothing for so long (ms) is closed (RFC 7766 §6.2.3). */
const idleTimeout = 10_000;

/**
 * Answers on `host`, on port 53 or, where something listens on all addresses already, on a free one: clients come by
 * the DNS Service's address and are led to whichever it is.
 */
export async function startDnsServer(host: string, answering: Answering, log: Log): Promise<DnsServer> {
  for (const port of [53, 0, 0, 0]) {
    const udp = createSocket("udp4");
    try {
      const bound = await bind(udp, host, port);
      const tcp = await listen(host, bound, answering, log);
      serveDatagrams(udp, answering, log);
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
  throw new Error(`no port for the cluster's DNS is free on ${host}`);
}

async function bind(udp: DatagramSocket, host: string, port: number): Promise<number> {
  udp.bind(port, host);
  await once(udp, "listening");
  return udp.address().port;
}

function serveDatagrams(udp: DatagramSocket, answering: Answering, log: Log): void {
  udp.on("error", (error) => log.warn("DNS socket failed", { error }));
  udp.on("message", (query, from) => {
    answer(query, "udp", answering)
      .then((bytes) => bytes && udp.send(bytes, from.port, from.address))
      .catch((error: unknown) => log.warn("DNS question failed", { error }));
  });
}

async function listen(host: string, port: number, answering: Answering, log: Log): Promise<Server> {
  const server = createServer((socket) => serveStream(socket, answering, log));
  server.maxConnections = maxConnections;
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

function serveStream(socket: Socket, answering: Answering, log: Log): void {
  let received = Buffer.alloc(0);
  socket.setTimeout(idleTimeout, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const length = received.readUInt16BE(0);
      const query = Buffer.from(received.subarray(2, 2 + length));
      received = received.subarray(2 + length);
      answer(query, "tcp", answering)
        .then((bytes) => (bytes ? socket.writable && socket.write(framed(bytes)) : socket.destroy()))
        .catch((error: unknown) => log.warn("DNS question failed", { error }));
    }
  });
}
