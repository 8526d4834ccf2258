import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { flushCompileCache } from "node:module";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A request as the apps see it: no socket, no stream. */
export interface ServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** At most `maxBody` bytes. */
  readonly body: string;
}

export interface ServiceResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Handler = (request: ServiceRequest) => ServiceResponse | Promise<ServiceResponse>;

export interface RunningService {
  readonly port: number;
  /**
   * Serves on for `lameDuck` ms, telling callers to come back on another connection, as those who balance the load learn
   * only now that this pod is leaving; then takes no more, and lets requests that run finish, for a few seconds.
   */
  close(lameDuck?: number): Promise<void>;
}

/** Bytes of a request's body. */
const maxBody = 64 * 1024;
/**
 * ms that an idle connection stays open. Longer than Envoy's hour, so that it is never this side that closes a connection
 * just when a request is on its way.
 */
const keepAlive = 65 * 60_000;
const drainTime = 5_000;
const lameDuckTime = 500;

export const json = (body: unknown, status = 200): ServiceResponse => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

export const notFound: ServiceResponse = json({ error: "not found" }, 404);

/** Serves until closed. Every request is one line on standard output. */
export async function startService(handler: Handler, port: number): Promise<RunningService> {
  let leaving = false;
  const server = createServer({ keepAliveTimeout: keepAlive }, (incoming, outgoing) => {
    const started = performance.now();
    answer(handler, incoming)
      .catch((error: unknown) => {
        console.error(`${incoming.method} ${incoming.url} failed:`, error);
        return json({ error: "internal error" }, 500);
      })
      .then((response) => {
        send(outgoing, leaving ? { ...response, headers: { ...response.headers, connection: "close" } } : response);
        const ms = Math.round(performance.now() - started);
        console.log(`${incoming.method} ${incoming.url} ${response.status} ${ms}ms`);
      })
      .catch(() => outgoing.destroy());
  });
  // Every address, IPv6 where there is any.
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close(lameDuck = 0) {
      leaving = true;
      if (lameDuck > 0) await sleep(lameDuck);
      await close(server);
    },
  };
}

async function answer(handler: Handler, incoming: IncomingMessage): Promise<ServiceResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) return json({ error: `body larger than ${maxBody} bytes` }, 413);
    chunks.push(chunk);
  }
  const [path = "/"] = (incoming.url ?? "/").split("?");
  const body = Buffer.concat(chunks).toString("utf8");
  return handler({ method: incoming.method ?? "GET", path, headers: incoming.headers, body });
}

function send(outgoing: ServerResponse, { status, headers, body }: ServiceResponse): void {
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  outgoing.end(body);
}

async function close(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), drainTime);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

/** What each app's `main.ts` does: the port is the first argument, SIGTERM and SIGINT end it in order. */
export async function runService(name: string, handler: Handler): Promise<void> {
  const port = Number(process.argv[2] ?? 9080);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    console.error(`usage: main.ts [PORT]: ${JSON.stringify(process.argv[2])} is not a port`);
    process.exit(2);
  }
  const service = await startService(handler, port);
  console.log(`${name} listens on ${service.port}`);
  // Now, as a process that is killed writes nothing; without NODE_COMPILE_CACHE it does nothing.
  flushCompileCache();
  const stop = (): void => {
    void service.close(lameDuckTime).then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}
