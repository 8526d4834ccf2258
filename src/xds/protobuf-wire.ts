/** The few parts of the protobuf wire format that the discovery messages need. */

export class WireError extends Error {
  override readonly name = "WireError";
}

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const utf8 = new TextDecoder("utf-8", { fatal: false });

/** Walks over the fields of one message. Every read is checked against the end of the message. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next field's number and wire type, or undefined at the end. */
  next(): { readonly field: number; readonly type: number } | undefined {
    if (this.#at >= this.#bytes.length) return undefined;
    const tag = this.varint();
    return { field: tag >>> 3, type: tag & 7 };
  }

  /** Up to 53 bits are exact; more is cut to a number. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireError("message ends inside a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new WireError("a number has more than ten bytes");
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError("message ends inside a field");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  string(): string {
    return utf8.decode(this.bytes());
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw new WireError("message ends inside a field");
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).getFloat64(0, true);
    this.#at += 8;
    return value;
  }

  skip(type: number): void {
    if (type === wireType.varint) this.varint();
    else if (type === wireType.bytes) this.bytes();
    else if (type === wireType.fixed64) this.#at += 8;
    else if (type === wireType.fixed32) this.#at += 4;
    else throw new WireError(`unknown wire type ${type}`);
    if (this.#at > this.#bytes.length) throw new WireError("message ends inside a field");
  }
}

/** Collects the pieces of a message; long pieces are kept as they are, not copied. */
export class WireWriter {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  #push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Writes nothing for an empty string, as proto3 does. */
  string(field: number, value: string): this {
    return value === "" ? this : this.bytes(field, Buffer.from(value, "utf8"));
  }

  bytes(field: number, value: Uint8Array): this {
    this.#push(lengthPrefix(field, value.length));
    this.#push(value);
    return this;
  }

  varint(field: number, value: number): this {
    if (value === 0) return this;
    const out: number[] = [];
    encodeVarint(out, field * 8 + wireType.varint);
    encodeVarint(out, value);
    this.#push(Uint8Array.from(out));
    return this;
  }

  /** A nested message whose pieces are taken over. */
  message(field: number, value: WireWriter): this {
    this.#push(lengthPrefix(field, value.length));
    for (const piece of value.#pieces) this.#push(piece);
    return this;
  }

  /** Fields that are encoded already. */
  encoded(pieces: readonly Uint8Array[]): this {
    for (const piece of pieces) this.#push(piece);
    return this;
  }

  pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#pieces, this.#length);
  }
}

function lengthPrefix(field: number, length: number): Uint8Array {
  const out: number[] = [];
  encodeVarint(out, field * 8 + wireType.bytes);
  encodeVarint(out, length);
  return Uint8Array.from(out);
}

function encodeVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}
