import { type Answer, type DecodedPacket, encode, type Packet, TRUNCATED_RESPONSE } from "dns-packet";

/** RFC 1035 §4.2.1: what a client without EDNS takes. */
const plainUdpSize = 512;
export const rcodes = { ok: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4 } as const;
export const recursionAvailable: number = 1 << 7;

/** The most bytes that an answer may have. */
export function answerSize(asked: DecodedPacket, over: "udp" | "tcp"): number {
  return over === "tcp" ? 65_535 : udpSize(asked);
}

function udpSize(asked: DecodedPacket): number {
  const opt = asked.additionals?.find(({ type }) => type === "OPT") as { udpPayloadSize?: number } | undefined;
  return Math.min(4096, Math.max(plainUdpSize, opt?.udpPayloadSize ?? plainUdpSize));
}

/** Too much for a datagram: as many answers as fit, and the flag that sends the client to TCP. */
export function fit(packet: Packet, size: number): Buffer {
  let bytes = encode(packet);
  while (bytes.length > size && packet.answers && packet.answers.length > 0) {
    const keep = Math.floor(packet.answers.length * Math.min(0.9, size / bytes.length));
    packet = { ...packet, flags: (packet.flags ?? 0) | TRUNCATED_RESPONSE, answers: packet.answers.slice(0, keep) };
    bytes = encode(packet);
  }
  return bytes;
}

/** What a client that speaks EDNS is told in return. */
export function ednsAnswer(asked: DecodedPacket): Answer[] {
  return asked.additionals?.some(({ type }) => type === "OPT")
    ? [{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] } as unknown as Answer]
    : [];
}

/** The question's header back, with a failure and no sections. */
export function headerOnly(query: Buffer, rcode: number): Buffer {
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x7900) | recursionAvailable | rcode, 2);
  return header;
}

/** In an order left to chance, so that clients spread over the addresses. */
export function shuffled<T>(list: readonly T[]): readonly T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
