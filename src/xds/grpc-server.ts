import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Log } from "#log/log.ts";
import { type GrpcMethod, openCall, runCall } from "./grpc-call.ts";
import { grpcCode } from "./grpc-status.ts";

export interface GrpcServerOptions {
  /** `/package.Service/Method` to its handler. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Absent: plaintext. With `ca`, what a client's certificate is checked against; none has to bring one. */
  readonly tls?: SecureContextOptions;
  readonly log: Log;
  readonly limits?: Partial<GrpcLimits>;
}

interface GrpcLimits {
  /** Bytes of one message from a client. */
  readonly messageBytes: number;
  readonly connections: number;
  /** Calls at once on one connection. */
  readonly callsPerConnection: number;
  /** A client has so long for its TLS handshake, and for its first settings after that. */
  readonly greetingMs: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** A connection this old is ended in an orderly way, give or take a tenth; Infinity for never. */
  readonly connectionAgeMs: number;
}

export interface GrpcServer {
  /** Port 0 takes a free one. Resolves to the port. */
  listen(port: number, host?: string): Promise<number>;
  /** Listens at a Unix socket, whose file is there when this returns. */
  listenAt(path: string): Promise<void>;
  /** Replaces the certificate for connections to come. */
  setTls(tls: SecureContextOptions): void;
  /** Tells clients to go, ends calls with UNAVAILABLE, and closes. */
  shutdown(): Promise<void>;
}

const defaultLimits: GrpcLimits = {
  messageBytes: 16 * 1024 * 1024,
  connections: 10_000,
  callsPerConnection: 100,
  greetingMs: 10_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 10_000,
  connectionAgeMs: Number.POSITIVE_INFINITY,
};

/** Bytes that a client may send before the handler has read them, per call. */
const receiveWindow = 1024 * 1024;

/** A gRPC server directly on HTTP/2, for handlers that deal in bytes. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { log, methods } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const settings = { maxConcurrentStreams: limits.callsPerConnection, initialWindowSize: receiveWindow };
  const shared = { settings, maxSessionInvalidFrames: 100, maxSessionMemory: 64 };
  const secure = options.tls
    ? http2.createSecureServer({
        ...options.tls,
        ...shared,
        requestCert: options.tls.ca !== undefined,
        rejectUnauthorized: false,
        allowHTTP1: false,
        ALPNProtocols: ["h2"],
        handshakeTimeout: limits.greetingMs,
      })
    : undefined;
  const server = secure ?? http2.createServer(shared);
  // Those that aren't sessions yet count too.
  server.maxConnections = limits.connections;
  const sessions = new Map<http2.ServerHttp2Session, Set<() => void>>();

  server.on("session", (session) => {
    if (sessions.size >= limits.connections) {
      log.warn("too many connections", { limit: limits.connections });
      session.destroy();
      return;
    }
    const enders = new Set<() => void>();
    sessions.set(session, enders);
    // By default the whole connection shares 64 KiB.
    session.setLocalWindowSize(4 * receiveWindow);
    const stopTimers = watchOver(session, limits, enders);
    session.once("close", () => {
      stopTimers();
      sessions.delete(session);
    });
    session.on("error", (error) => log.debug("connection failed", { error }));
  });
  server.on("sessionError", (error: Error) => log.debug("connection failed", { error }));
  secure?.on("tlsClientError", (error: Error) => log.debug("TLS handshake failed", { error }));

  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    const session = stream.session as http2.ServerHttp2Session | undefined;
    const enders = session && sessions.get(session);
    if (!session || !enders) return stream.destroy();
    const call = openCall(stream, headers, session, secure !== undefined);
    const ender = (): void => call.end(grpcCode.unavailable, "the server asks to reconnect");
    enders.add(ender);
    stream.once("close", () => enders.delete(ender));
    const method = methods.get(call.path);
    if (headers[":method"] !== "POST" || !headers["content-type"]?.startsWith("application/grpc")) {
      stream.respond({ ":status": 415 }, { endStream: true });
      return;
    }
    if (!method) return call.end(grpcCode.unimplemented, `unknown method ${call.path}`);
    runCall(stream, call, method, limits.messageBytes, log);
  });

  const open = (start: (opened: () => void) => void): Promise<void> =>
    new Promise((done, fail) => {
      server.once("error", fail);
      start(() => {
        server.off("error", fail);
        server.on("error", (error) => log.error("server failed", { error }));
        done();
      });
    });

  return {
    async listen(port, host) {
      await open((opened) => server.listen(port, host, opened));
      return (server.address() as AddressInfo).port;
    },
    listenAt: (path) => open((opened) => server.listen(path, opened)),
    setTls(tls) {
      secure?.setSecureContext(tls);
    },
    async shutdown() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const [session, enders] of sessions) retire(session, enders);
      const force = setTimeout(() => {
        for (const session of sessions.keys()) session.destroy();
      }, 1_000);
      await closed;
      clearTimeout(force);
    },
  };
}

/** Tells the client to use another connection, ends its calls, closes. */
function retire(session: http2.ServerHttp2Session, enders: ReadonlySet<() => void>): void {
  if (session.destroyed) return;
  session.goaway(http2.constants.NGHTTP2_NO_ERROR);
  for (const end of enders) end();
  session.close();
}

/** Pings, and ends the connection when it is old. Returns what stops both. */
function watchOver(session: http2.ServerHttp2Session, limits: GrpcLimits, enders: ReadonlySet<() => void>): () => void {
  const silent = setTimeout(() => session.destroy(), limits.greetingMs);
  session.once("remoteSettings", () => clearTimeout(silent));
  let overdue: NodeJS.Timeout | undefined;
  const pinger = setInterval(() => {
    if (session.destroyed) return;
    overdue = setTimeout(() => session.destroy(), limits.pingTimeoutMs);
    session.ping((error) => {
      clearTimeout(overdue);
      if (error) session.destroy();
    });
  }, limits.pingIntervalMs);
  pinger.unref();
  const age = limits.connectionAgeMs * (0.9 + Math.random() * 0.2);
  const aging = Number.isFinite(age) ? setTimeout(() => retire(session, enders), age) : undefined;
  aging?.unref();
  return () => {
    clearTimeout(silent);
    clearInterval(pinger);
    clearTimeout(overdue);
    clearTimeout(aging);
  };
}
