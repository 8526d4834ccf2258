/** One field as it stands on the wire. */
export interface WireField {
  readonly number: number;
  readonly value: bigint | Uint8Array | number;
}

const invalid = (why: string): Error => new Error(`malformed protobuf: ${why}`);

/** The fields of a message in order (protobuf.dev/programming-guides/encoding). Throws for what isn't a message. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw invalid("ends within a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw invalid("number too long");
  }
  function take(length: number): Uint8Array {
    if (length > bytes.length - at) throw invalid("ends within a field");
    at += length;
    return bytes.subarray(at - length, at);
  }
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    if (number < 1 || !Number.isSafeInteger(tag)) throw invalid(`field number ${number}`);
    switch (tag % 8) {
      case 0:
        yield { number, value: BigInt.asIntN(64, varint()) };
        break;
      case 1: {
        const part = take(8);
        yield { number, value: new DataView(part.buffer, part.byteOffset, 8).getFloat64(0, true) };
        break;
      }
      case 2:
        yield { number, value: take(Number(varint())) };
        break;
      case 5: {
        const part = take(4);
        yield { number, value: new DataView(part.buffer, part.byteOffset, 4).getFloat32(0, true) };
        break;
      }
      default:
        throw invalid(`wire type ${tag % 8}`);
    }
  }
}

export function textOf(value: WireField["value"]): string {
  if (!(value instanceof Uint8Array)) throw invalid("a string was expected");
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString("utf8");
}
