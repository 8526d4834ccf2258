import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** Where to, and as whom. */
export interface RawTarget {
  readonly port: number;
  readonly host?: string;
  /** The client's own address, of loopback. */
  readonly from?: string;
  readonly tls?: ConnectionOptions;
}

export interface RawAnswer {
  /** Every byte that came, as Latin-1. */
  readonly text: string;
  /** What the connection broke with, if it didn't end in an orderly way. */
  readonly error?: string;
  /** The other side closed it; else this one gave up waiting. */
  readonly closed: boolean;
  /** The client's port, by which logs name the connection. */
  readonly clientPort: number;
}

/**
 * Sends exactly these bytes and reads until the other side closes, has said `until`, or is quiet for `quietMs` after it has said
 * something.
 * Never rejects: what goes wrong is part of the answer.
 */
export function rawExchange(
  target: RawTarget,
  bytes: string | Uint8Array,
  { quietMs = 150, until }: { readonly quietMs?: number; readonly until?: string } = {},
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const { host = "127.0.0.1", port, from, tls } = target;
    const address = { host, port, ...(from ? { localAddress: from } : {}) };
    const send = (): void => void socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    const socket: Socket = tls ? connectTls({ ...address, ...tls }, send) : connect(address, send);
    let clientPort = 0;
    let text = "";
    let error: string | undefined;
    const done = (closed: boolean): void => {
      clearTimeout(quiet);
      socket.destroy();
      resolve({ text, closed, clientPort, ...(error === undefined ? {} : { error }) });
    };
    // Who says nothing at all gets longer.
    let quiet = setTimeout(() => done(false), 5_000);
    socket.once("connect", () => {
      clientPort = socket.localPort ?? 0;
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      clearTimeout(quiet);
      if (until !== undefined && text.includes(until)) return done(false);
      quiet = setTimeout(() => done(false), quietMs);
    });
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message;
    });
    socket.on("close", () => done(true));
  });
}

/** The status codes of the HTTP/1 answers in what came. */
export function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, code]) => Number(code));
}
