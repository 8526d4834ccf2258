import { Duplex } from "node:stream";
import type { SpdyHeaders } from "./header-block.ts";

/** What a stream asks of its session. */
export interface StreamPort {
  /** Sends data frames; calls back when there is room for more. */
  send(data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  reset(): void;
  /** The reader took something: the session may read on. */
  wake(): void;
  gone(): void;
}

/** One stream of a SPDY session; ends and half-closes as a socket does. `destroy` resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #port: StreamPort;
  #peerEnded = false;
  #weEnded = false;

  constructor(id: number, headers: SpdyHeaders, port: StreamPort) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#port = port;
    // Whoever uses the stream listens too; a reset before that must not bring the process down.
    this.on("error", () => {});
  }

  /** Called by the session. */
  receive(data: Buffer, fin: boolean): void {
    if (this.#peerEnded || this.destroyed) return;
    if (data.length > 0) this.push(data);
    if (fin) {
      this.#peerEnded = true;
      this.push(null);
    }
  }

  /** The peer reset the stream, or the session is over. */
  abandon(error?: Error): void {
    this.#peerEnded = true;
    this.#weEnded = true;
    this.destroy(error);
  }

  override _read(): void {
    this.#port.wake();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#port.send(chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#weEnded = true;
    this.#port.send(Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#peerEnded || !this.#weEnded) this.#port.reset();
    this.#port.gone();
    done(error);
  }
}
