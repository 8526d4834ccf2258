/** SPDY/3.1 framing (draft-mbelshe-httpbis-spdy-00, section 2.2), as far as Kubernetes' streams use it. */
export const frameType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const flagFin = 1;

export interface ControlFrame {
  readonly control: true;
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** A piece of a data frame: long frames come in as many pieces as the transport cut them into. */
interface DataPiece {
  readonly control: false;
  readonly streamId: number;
  readonly data: Buffer;
  /** The sender ends the stream with this piece. */
  readonly fin: boolean;
}

export type Frame = ControlFrame | DataPiece;

/** A control frame may not be longer (bytes). */
const maxControlLength = 64 * 1024;

/** Cuts bytes into frames; keeps at most one control frame. Throws when the bytes are no SPDY/3. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #data: { streamId: number; left: number; fin: boolean } | undefined;

  *push(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = Buffer.alloc(0);
    while (bytes.length > 0) {
      if (this.#data) {
        const { streamId, left, fin } = this.#data;
        const data = bytes.subarray(0, left);
        bytes = bytes.subarray(data.length);
        this.#data = data.length < left ? { streamId, left: left - data.length, fin } : undefined;
        yield { control: false, streamId, data, fin: fin && !this.#data };
        continue;
      }
      if (bytes.length < 8) break;
      const length = bytes.readUIntBE(5, 3);
      const flags = bytes.readUInt8(4);
      if (bytes.readUInt8(0) < 0x80) {
        const streamId = bytes.readUInt32BE(0);
        bytes = bytes.subarray(8);
        if (length > 0) this.#data = { streamId, left: length, fin: (flags & flagFin) !== 0 };
        else yield { control: false, streamId, data: bytes.subarray(0, 0), fin: (flags & flagFin) !== 0 };
        continue;
      }
      const version = bytes.readUInt16BE(0) & 0x7fff;
      if (version !== 3) throw new Error(`not SPDY/3: a control frame has version ${version}`);
      if (length > maxControlLength) throw new Error(`a SPDY control frame of ${length} bytes is too long`);
      if (bytes.length < 8 + length) break;
      const body = bytes.subarray(8, 8 + length);
      const type = bytes.readUInt16BE(2);
      bytes = bytes.subarray(8 + length);
      yield { control: true, type, flags, body };
    }
    // A copy, so that a few bytes don't keep a large chunk alive.
    this.#rest = Buffer.from(bytes);
  }
}

export function controlFrame(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

/** The eight bytes before `length` bytes of data. */
export function dataHead(streamId: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(fin ? flagFin : 0, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}

/** The body of frames that are made of 32-bit words. */
export function words(...values: readonly number[]): Buffer {
  const body = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => body.writeUInt32BE(value, index * 4));
  return body;
}
