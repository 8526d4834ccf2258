import { GrpcError, grpcCode } from "./grpc-status.ts";

const headerLength = 5;

/**
 * Cuts a byte stream into gRPC messages ("Length-Prefixed-Message" of the gRPC over HTTP/2 spec). Throws {@link GrpcError}
 * for a compressed message (none was offered) and for one longer than `maxLength` bytes.
 */
export class FrameSplitter {
  readonly #maxLength: number;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  *push(chunk: Buffer): Generator<Uint8Array> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= headerLength) {
      const header = this.#peek(headerLength);
      if (header[0] !== 0) throw new GrpcError(grpcCode.unimplemented, "compressed messages are not accepted");
      const length = header.readUInt32BE(1);
      if (length > this.#maxLength)
        throw new GrpcError(
          grpcCode.resourceExhausted,
          `a message of ${length} bytes; at most ${this.#maxLength} are accepted`,
        );
      if (this.#size < headerLength + length) return;
      const frame = this.#peek(headerLength + length);
      this.#drop(headerLength + length);
      yield frame.subarray(headerLength);
    }
  }

  /** The first `length` bytes in one piece. */
  #peek(length: number): Buffer {
    const first = this.#chunks[0];
    if (first && first.length >= length) return first.subarray(0, length);
    const whole = Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [whole];
    return whole.subarray(0, length);
  }

  #drop(length: number): void {
    this.#size -= length;
    const [first, ...rest] = this.#chunks;
    if (!first) return;
    this.#chunks = first.length > length ? [first.subarray(length), ...rest] : rest;
  }
}

/** The five bytes before a message of `length` bytes. */
export function frameHeader(length: number): Uint8Array {
  const header = Buffer.alloc(headerLength);
  header.writeUInt32BE(length, 1);
  return header;
}
