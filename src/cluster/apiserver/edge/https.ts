import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Log } from "#log/log.ts";
import { ApiError } from "../api-error.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { UserInfo } from "../auth/user.ts";
import { failureResponse } from "../rest/fail.ts";
import type { Handler } from "../rest/handler.ts";
import type { ApiResponse } from "../rest/request.ts";
import { authenticate } from "./authenticate.ts";

export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer, user: UserInfo) => void;

export interface EdgeOptions {
  readonly certificate: string;
  readonly key: string;
  /** Client certificates of this CA are believed. */
  readonly ca: string;
  readonly tokens: Tokens;
  readonly handle: Handler;
  readonly upgrade: UpgradeHandler;
  readonly log: Log;
}

const maxConnections = 4096;

/** The HTTPS face of the API: HTTP/2 and HTTP/1.1 on the same port. */
export interface Edge {
  /** Binds all addresses on one port (0: any that is free) and returns it. Rejects when an address is taken. */
  listen(addresses: readonly string[], port: number): Promise<number>;
  close(): Promise<void>;
}

const unauthorized = failureResponse(new ApiError(401, "Unauthorized", "Unauthorized").status);

async function send(response: ApiResponse, to: Http2ServerResponse): Promise<void> {
  const { body } = response;
  if (to.destroyed || to.writableEnded) return;
  to.writeHead(response.status, response.headers);
  // The status of a stream goes out before its first chunk.
  if (typeof body !== "string") (to as unknown as { flushHeaders?: () => void }).flushHeaders?.();
  if (typeof body === "string") {
    to.end(body);
    return;
  }
  if ("pipe" in body) {
    await new Promise<void>((resolve) =>
      pipeline(body as Readable, to as unknown as NodeJS.WritableStream, () => resolve()),
    );
    return;
  }
  for await (const chunk of body) {
    if (to.destroyed || to.writableEnded) break;
    if (!to.write(chunk)) await Promise.race([once(to, "drain"), once(to, "close")]);
  }
  if (!to.destroyed) to.end();
}

function headersOf(request: Pick<IncomingMessage, "headers">): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  return headers;
}

export function createEdge(options: EdgeOptions): Edge {
  const { tokens, handle, log } = options;
  const sockets = new Set<Socket>();
  const servers: Http2SecureServer[] = [];

  async function serve(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const url = new URL(request.url, "https://apiserver");
    const user = await authenticate(request.socket as unknown as TLSSocket, request.headers.authorization, tokens);
    if (!user) return send(unauthorized, response);
    const answer = await handle({
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: headersOf(request),
      body: request,
      user,
      signal: gone.signal,
    });
    return send(answer, response);
  }

  function newServer(): Http2SecureServer {
    const server = createSecureServer({
      cert: options.certificate,
      key: options.key,
      ca: options.ca,
      requestCert: true,
      // A client without a certificate may have a token.
      rejectUnauthorized: false,
      allowHTTP1: true,
      minVersion: "TLSv1.2",
      maxHeaderListPairs: 256,
      settings: { maxConcurrentStreams: 1000, maxHeaderListSize: 64 * 1024 },
    });
    server.maxConnections = maxConnections;
    server.on("request", (request, response) => {
      serve(request, response).catch((error: unknown) => {
        log.debug("answer not sent", { path: request.url, error });
        response.destroy();
      });
    });
    server.on(
      "upgrade" as "connect",
      ((request: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.on("error", (error) => log.debug("upgraded connection failed", { error }));
        authenticate(socket as TLSSocket, request.headers.authorization, tokens).then(
          (user) => {
            if (user) options.upgrade(request, socket, head, user);
            else socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          },
          (error: unknown) => {
            log.warn("upgrade failed", { error });
            socket.destroy();
          },
        );
      }) as never,
    );
    server.on("secureConnection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    server.on("tlsClientError", (error) => log.debug("TLS handshake failed", { error: error.message }));
    server.on("sessionError", (error) => log.debug("HTTP/2 session failed", { error: error.message }));
    return server;
  }

  return {
    async listen(addresses, port) {
      let bound = port;
      for (const host of addresses) {
        const server = newServer();
        servers.push(server);
        await new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen({ host, port: bound }, () => {
            server.off("error", reject);
            resolve();
          });
        });
        server.on("error", (error) => log.error("listener failed", { host, error }));
        bound = (server.address() as AddressInfo).port;
      }
      return bound;
    },
    async close() {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
      servers.length = 0;
    },
  };
}
