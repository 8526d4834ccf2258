import http2 from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Log } from "#log/log.ts";
import { FrameSplitter, frameHeader } from "./grpc-frame.ts";
import { GrpcError, grpcCode } from "./grpc-status.ts";
import { joinSmall } from "./pieces.ts";

/** One call as its handler sees it. Messages are bytes. */
export interface GrpcCall {
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** `address:port` of the client. */
  readonly peer: string;
  readonly isSecure: boolean;
  /** The certificate of the client: its names (`URI:…, DNS:…`), or why it isn't believed. Undefined without one. */
  peerCertificate(): { readonly names: string } | { readonly problem: string } | undefined;
  /** False when the client doesn't keep up: wait for `onDrain`. */
  send(pieces: readonly Uint8Array[]): boolean;
  /** Ends the call; later calls have no effect. */
  end(code: number, message?: string): void;
}

/** What a handler does with a call. Errors that it throws end the call: a GrpcError with its code, others as internal. */
interface GrpcCallHandler {
  onMessage(message: Uint8Array): void | Promise<void>;
  /** The client won't send any more. */
  onHalfClose(): void;
  onDrain(): void;
  /** The call is over, for whatever reason. Called once. */
  onClose(): void;
}

/** Called for each new call before its first message; may reject with a GrpcError. */
export type GrpcMethod = (call: GrpcCall) => GrpcCallHandler | Promise<GrpcCallHandler>;

/** Clients refuse header lists that are too long. */
const maxStatusMessage = 1_000;

/** The call of a new HTTP/2 stream. */
export function openCall(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  session: http2.ServerHttp2Session,
  isSecure: boolean,
): GrpcCall {
  const { remoteAddress = "", remotePort = 0 } = session.socket;
  let ended = false;
  const start = { ":status": 200, "content-type": "application/grpc" };
  const statusOf = (code: number, message: string): Record<string, string> => ({
    "grpc-status": String(code),
    ...(message ? { "grpc-message": percentEncode(message.slice(0, maxStatusMessage)) } : {}),
  });
  return {
    path: headers[":path"] ?? "",
    headers,
    peer: `${remoteAddress}:${remotePort}`,
    isSecure,
    peerCertificate() {
      if (!isSecure) return undefined;
      // HTTP/2 shows the socket through a proxy that isn't typed as what it is.
      const socket = session.socket as TLSSocket;
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) return undefined;
      return socket.authorized
        ? { names: certificate.subjectAltName ?? "" }
        : { problem: String(socket.authorizationError) };
    },
    send(pieces) {
      if (ended || stream.destroyed) return true;
      if (!stream.headersSent) stream.respond(start, { waitForTrailers: true });
      let length = 0;
      for (const piece of pieces) length += piece.length;
      stream.cork();
      for (const piece of joinSmall([frameHeader(length), ...pieces])) stream.write(piece);
      stream.uncork();
      return !stream.writableNeedDrain;
    },
    end(code, message = "") {
      if (ended || stream.destroyed || stream.closed) return;
      ended = true;
      if (!stream.headersSent) {
        stream.respond({ ...start, ...statusOf(code, message) }, { endStream: true });
      } else {
        stream.once("wantTrailers", () => {
          stream.sendTrailers(statusOf(code, message));
          // A client that goes on sending isn't listened to any more.
          setImmediate(() => stream.close(http2.constants.NGHTTP2_NO_ERROR));
        });
        stream.end();
      }
    },
  };
}

/** gRPC over HTTP/2, "Status-Message": printable ASCII stays, but for the percent sign. */
function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8"))
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return encoded;
}

/** Gives the call to its method and reads messages until the client or the method ends it. */
export function runCall(
  stream: http2.ServerHttp2Stream,
  call: GrpcCall,
  method: GrpcMethod,
  maxMessageBytes: number,
  log: Log,
): void {
  const fail = (error: unknown): void => {
    if (error instanceof GrpcError) return call.end(error.code, error.message);
    log.error("call failed", { path: call.path, peer: call.peer, error });
    call.end(grpcCode.internal, "internal error");
  };
  stream.on("error", (error) => log.debug("call broke off", { path: call.path, peer: call.peer, error }));
  const closed = new Promise<void>((done) => stream.once("close", done));
  const read = async (): Promise<void> => {
    const handler = await method(call);
    void closed.then(() => handler.onClose());
    stream.on("drain", () => handler.onDrain());
    const splitter = new FrameSplitter(maxMessageBytes);
    try {
      // A message is handled before the next is read: a client that floods waits for its window.
      // The end of what the client sends isn't the end of the call, so the iterator mustn't destroy the stream.
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
        for (const message of splitter.push(chunk as Buffer)) {
          const handled = handler.onMessage(message);
          if (handled) await handled;
        }
      }
      handler.onHalfClose();
    } catch (error) {
      if (!stream.destroyed && !stream.aborted) fail(error);
    }
  };
  read().catch(fail);
}
