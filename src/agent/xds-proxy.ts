import { mkdirSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { backoffMs } from "./backoff.ts";
import { connectionAdvice } from "./istiod-connection.ts";
import { type AgentSettings, socketDir } from "./settings.ts";
import type { SharedSession } from "./shared-session.ts";

const unavailable = "14";
const firstRetryMs = 500;
const lastRetryMs = 15_000;
/** Envoy has one ADS stream; more than a few is not Envoy. */
const maxStreams = 20;

/** What the agent knows of its line to istiod. */
export interface XdsProxy {
  /** Streams that reach istiod now. */
  readonly connected: number;
  close(): Promise<void>;
}

/**
 * Serves ADS to Envoy on a Unix socket and carries every call to istiod as bytes. While istiod can't be reached Envoy's
 * stream is held and its traffic goes on with the last config; a stream that breaks ends for Envoy as "unavailable",
 * and Envoy opens the next one, saying what it has.
 */
export async function startXdsProxy(settings: AgentSettings, istiod: SharedSession, log: Log): Promise<XdsProxy> {
  const state = { connected: 0, streams: 0 };
  const stop = new AbortController();
  const server = http2.createServer({ settings: { initialWindowSize: 1024 * 1024 } });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", (error) => log.debug("Envoy's connection failed", { error }));
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", (error) => log.debug("Envoy's stream failed", { error }));
    if (state.streams >= maxStreams) return refuse(stream, "8", "too many streams");
    state.streams += 1;
    stream.once("close", () => {
      state.streams -= 1;
    });
    void carry(stream, headers[":path"] ?? "");
  });

  async function carry(envoy: http2.ServerHttp2Stream, path: string): Promise<void> {
    const upstream = await connect(envoy, path);
    if (!upstream) return;
    let trailers: http2.OutgoingHttpHeaders = { "grpc-status": unavailable, "grpc-message": "istiod went away" };
    state.connected += 1;
    upstream.on("error", (error) => log.debug("stream to istiod failed", { error }));
    upstream.once("response", (headers) => {
      if (envoy.destroyed || envoy.headersSent) return;
      if (headers["grpc-status"] !== undefined && headers["grpc-status"] !== "0")
        trailers = { "grpc-status": headers["grpc-status"], "grpc-message": headers["grpc-message"] ?? "" };
      else log.info("connected to istiod", { address: settings.discovery.address });
      envoy.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      upstream.pipe(envoy);
    });
    upstream.once("trailers", (headers) => {
      trailers = {
        "grpc-status": headers["grpc-status"] ?? unavailable,
        "grpc-message": headers["grpc-message"] ?? "",
      };
    });
    envoy.once("wantTrailers", () => envoy.sendTrailers(trailers));
    envoy.pipe(upstream);
    upstream.once("close", () => {
      state.connected -= 1;
      if (!stop.signal.aborted && !envoy.destroyed) report(trailers);
      finish(envoy, trailers);
    });
    envoy.once("close", () => upstream.close(http2.constants.NGHTTP2_CANCEL));
  }

  function report(trailers: http2.OutgoingHttpHeaders): void {
    const status = String(trailers["grpc-status"]);
    const fields = { address: settings.discovery.address, status, reason: String(trailers["grpc-message"]) };
    if (status === "16" || status === "7")
      log.error("istiod refuses this proxy; is the pod's service account token valid?", fields);
    else log.warn("lost istiod; Envoy keeps its config and connects again", fields);
  }

  /** Tries until istiod answers or Envoy gives up. */
  async function connect(envoy: http2.ServerHttp2Stream, path: string): Promise<http2.ClientHttp2Stream | undefined> {
    const gone = new AbortController();
    envoy.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stop.signal]);
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const stream = await istiod.open(path);
        if (!signal.aborted) return stream;
        stream.close(http2.constants.NGHTTP2_CANCEL);
      } catch (error) {
        const retryMs = backoffMs(attempt, firstRetryMs, lastRetryMs);
        const fields = { address: settings.discovery.address, error, advice: connectionAdvice(error), retryMs };
        log.warn("waiting for istiod", { ...fields, attempt: attempt + 1 });
        await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  mkdirSync(socketDir(settings), { recursive: true });
  rmSync(settings.xdsSocket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.xdsSocket, resolve);
  });
  return {
    get connected() {
      return state.connected;
    },
    async close() {
      stop.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function refuse(stream: http2.ServerHttp2Stream, status: string, message: string): void {
  const headers = {
    ":status": 200,
    "content-type": "application/grpc",
    "grpc-status": status,
    "grpc-message": message,
  };
  stream.respond(headers, { endStream: true });
}

function finish(envoy: http2.ServerHttp2Stream, trailers: http2.OutgoingHttpHeaders): void {
  if (envoy.destroyed) return;
  if (envoy.headersSent) envoy.end();
  else refuse(envoy, String(trailers["grpc-status"]), String(trailers["grpc-message"]));
}
