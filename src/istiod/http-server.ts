import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "#log/log.ts";
import { type DebugSources, debugPage } from "./debug.ts";
import type { DebugAccess } from "./debug-access.ts";
import type { Metrics } from "./metrics.ts";

export interface HttpSources extends DebugSources {
  readonly metrics: Metrics;
  /** Undefined when ready; else what is missing. */
  readonly notReady: () => string | undefined;
  readonly debugAccess: DebugAccess;
}

/** A request must be whole in 10 s; Node looks for late ones that often. */
const slowClients = { requestTimeout: 10_000, connectionsCheckingInterval: 2_000 };

export interface HttpServer {
  /** Opens another port with the same pages. */
  listen(port: number, host?: string): Promise<number>;
  shutdown(): Promise<void>;
}

/** `/ready`, `/metrics`, `/version` and `/debug/…`: Istio serves them on 8080 and 15014. Only GET, nothing is changed. */
export function createHttpServer(sources: HttpSources, log: Log): HttpServer {
  const servers: Server[] = [];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://istiod");
    if (request.method !== "GET" && request.method !== "HEAD") return reply(response, 405, { error: "only GET" });
    switch (url.pathname) {
      case "/ready":
      case "/healthz/ready": {
        const missing = sources.notReady();
        return reply(response, missing ? 503 : 200, missing ? { error: missing } : { status: "ready" });
      }
      case "/version":
        return reply(response, 200, { version: sources.version });
      case "/metrics": {
        const text = await sources.metrics.text();
        response.writeHead(200, { "content-type": sources.metrics.contentType });
        return void response.end(text);
      }
    }
    if (!/^\/debug(\/|$)/.test(url.pathname)) return reply(response, 404, { error: `nothing at ${url.pathname}` });
    const refusal = await sources.debugAccess.refusal({
      address: request.socket.remoteAddress ?? "",
      authorization: request.headers.authorization,
      path: url.pathname,
      query: url.searchParams,
    });
    if (refusal) return reply(response, refusal.status, { error: refusal.error });
    const page = await debugPage(sources, url.pathname, url.searchParams);
    if (page) return reply(response, 200, page.body);
    reply(response, 404, { error: `nothing at ${url.pathname}${url.search}; /debug lists what there is` });
  }

  return {
    listen(port, host) {
      const server = createServer(slowClients, (request, response) => {
        serve(request, response).catch((error: unknown) => {
          log.error("page failed", { path: request.url, error });
          if (!response.headersSent) reply(response, 500, { error: "internal error" });
          else response.destroy();
        });
      });
      server.maxConnections = 500;
      servers.push(server);
      return new Promise((done, fail) => {
        server.once("error", fail);
        server.listen(port, host, () => {
          server.off("error", fail);
          done((server.address() as AddressInfo).port);
        });
      });
    },
    async shutdown() {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((done) => {
              server.close(() => done());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}
