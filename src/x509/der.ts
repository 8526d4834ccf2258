/** The part of DER (X.690) that certificates need: writing, and reading a certificate request. */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function tlv(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 256 ? 1 : length < 65_536 ? 2 : 3;
  const header = Buffer.alloc(2 + size);
  header[0] = tag;
  header[1] = 0x80 | size;
  header.writeUIntBE(length, 2, size);
  return Buffer.concat([header, content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tlv(tags.sequence, Buffer.concat(parts));
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return tlv(tags.set, Buffer.concat(parts));
}

/** A positive integer from its big-endian bytes. */
export function integer(bytes: Uint8Array | number): Buffer {
  let value = typeof bytes === "number" ? Buffer.from([bytes]) : Buffer.from(bytes);
  while (value.length > 1 && value[0] === 0 && (value[1] ?? 0) < 128) value = value.subarray(1);
  return tlv(tags.integer, (value[0] ?? 0) >= 128 ? Buffer.concat([Buffer.from([0]), value]) : value);
}

export function boolean(value: boolean): Buffer {
  return tlv(tags.boolean, Buffer.from([value ? 0xff : 0]));
}

/** From the dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const digits = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tlv(tags.oid, Buffer.from(bytes));
}

export function utf8(text: string): Buffer {
  return tlv(tags.utf8String, Buffer.from(text, "utf8"));
}

export function octets(content: Uint8Array): Buffer {
  return tlv(tags.octetString, content);
}

/** `unused` counts the bits at the end that don't belong to the string. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return tlv(tags.bitString, Buffer.concat([Buffer.from([unused]), content]));
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? tlv(tags.utcTime, Buffer.from(digits.slice(2)))
    : tlv(tags.generalizedTime, Buffer.from(digits));
}

/** `[n]` around other values (explicit), or in place of a primitive tag (implicit). */
export function context(number: number, content: Uint8Array, form: "explicit" | "implicit"): Buffer {
  return tlv((form === "explicit" ? 0xa0 : 0x80) | number, content);
}

/** One value that was read. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Header and content. */
  readonly whole: Uint8Array;
}

/** The values that follow each other in `bytes`. Throws a RangeError where they don't fit. */
export function readAll(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 3 || start + size > bytes.length) throw new RangeError("length isn't DER");
      length = 0;
      for (let index = 0; index < size; index++) length = length * 256 + (bytes[start + index] ?? 0);
      start += size;
    }
    const end = start + length;
    if (end > bytes.length) throw new RangeError("value is cut off");
    values.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return values;
}
