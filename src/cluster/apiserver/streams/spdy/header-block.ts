import type { Transform } from "node:stream";
import { constants, createDeflate, createInflate } from "node:zlib";
import { headerDictionary } from "./dictionary.ts";

/** Header names are lower case; a name that comes several times has its values joined by NUL. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** A block may not be longer when it is unpacked (bytes). */
const maxBlockLength = 64 * 1024;

/** One side's header compression: the blocks of a connection share a zlib stream, so they must go through in order. */
export interface HeaderCodec {
  pack(headers: SpdyHeaders): Promise<Buffer>;
  /** Rejects when the block is damaged or too long. */
  unpack(block: Buffer): Promise<SpdyHeaders>;
  close(): void;
}

export function createHeaderCodec(): HeaderCodec {
  const options = { dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH };
  const deflate = createDeflate(options);
  const inflate = createInflate(options);
  return {
    pack: (headers) => through(deflate, encode(headers)),
    unpack: async (block) => decode(await through(inflate, block)),
    close() {
      deflate.destroy();
      inflate.destroy();
    },
  };
}

/** What the transform makes of these bytes; it flushes after every write. */
function through(transform: Transform, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const onData = (part: Buffer): void => {
      length += part.length;
      if (length > maxBlockLength) done(new Error(`a SPDY header block is longer than ${maxBlockLength} bytes`));
      else parts.push(part);
    };
    const done = (error?: Error | null): void => {
      transform.off("data", onData);
      transform.off("error", done);
      if (error) {
        // The stream is of no use any more; an error it still has must not go unheard.
        transform.on("error", () => {});
        transform.destroy();
        reject(error);
      } else resolve(Buffer.concat(parts));
    };
    transform.on("data", onData);
    transform.once("error", done);
    transform.write(bytes, (error) => done(error));
  });
}

function encode(headers: SpdyHeaders): Buffer {
  const parts = [uint32(headers.size)];
  for (const [name, value] of headers)
    for (const text of [name, value]) {
      const bytes = Buffer.from(text, "utf8");
      parts.push(uint32(bytes.length), bytes);
    }
  return Buffer.concat(parts);
}

function decode(block: Buffer): SpdyHeaders {
  const headers = new Map<string, string>();
  let at = 0;
  const readLength = (): number => {
    if (at + 4 > block.length) throw new Error("a SPDY header block ends too early");
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const readText = (): string => {
    const length = readLength();
    if (at + length > block.length) throw new Error("a SPDY header block ends too early");
    at += length;
    return block.toString("utf8", at - length, at);
  };
  const count = readLength();
  for (let i = 0; i < count; i++) headers.set(readText().toLowerCase(), readText());
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
