import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  TRUNCATED_RESPONSE,
} from "dns-packet";
import type { Forward } from "./forward.ts";
import { lookUp, type ZoneData } from "./zone.ts";

export interface Answering {
  readonly data: ZoneData;
  /** `cluster.local`. */
  readonly domain: string;
  readonly forward: Forward;
}

/** Seconds that an answer of ours may be kept; CoreDNS has 30 for Kubernetes, Services here come and go more quickly. */
const ttl = 5;
/** RFC 1035 §4.2.1: what a client without EDNS takes. */
const plainUdpSize = 512;
const rcodes = { ok: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4 };
const recursionAvailable = 1 << 7;

/** The answer to a query, as bytes; undefined for what isn't a query and must be ignored. */
export async function answer(
  query: Buffer,
  over: "udp" | "tcp",
  { data, domain, forward }: Answering,
): Promise<Buffer | undefined> {
  // Shorter than a header, or itself an answer.
  if (query.length < 12 || (query.readUInt8(2) & 0x80) !== 0) return undefined;
  if (((query.readUInt8(2) >> 3) & 15) !== 0) return headerOnly(query, rcodes.notImp);
  let asked: DecodedPacket;
  try {
    asked = decode(query);
  } catch {
    return headerOnly(query, rcodes.formErr);
  }
  const [question] = asked.questions ?? [];
  if (!question || asked.questions?.length !== 1) return headerOnly(query, rcodes.formErr);
  const name = question.name.toLowerCase();
  const found = lookUp(data, domain, name, question.type);

  const reply = (rcode: number, answers: readonly Answer[]): Buffer => {
    const negative = answers.length === 0;
    return fit(
      {
        type: "response",
        id: asked.id ?? 0,
        flags: AUTHORITATIVE_ANSWER | ((asked.flags ?? 0) & 0x100) | recursionAvailable | rcode,
        questions: [question],
        answers: [...answers],
        authorities: negative ? [startOfAuthority(domain)] : [],
        additionals: asked.additionals?.some(({ type }) => type === "OPT")
          ? [{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] } as unknown as Answer]
          : [],
      },
      over === "tcp" ? 65_535 : udpSize(asked),
    );
  };

  switch (found.kind) {
    case "elsewhere":
      try {
        return await forward(query, over);
      } catch {
        return headerOnly(query, rcodes.servFail);
      }
    case "missing":
      return reply(rcodes.nxDomain, []);
    case "records":
      return reply(
        rcodes.ok,
        shuffled(found.records).map((record) => ({ ...record, name: question.name, ttl, class: "IN" as const })),
      );
    case "alias": {
      const alias = { type: "CNAME", name: question.name, ttl, class: "IN", data: found.target } as Answer;
      if (question.type === "CNAME") return reply(rcodes.ok, [alias]);
      return reply(rcodes.ok, [alias, ...(await resolveTarget(found.target))]);
    }
  }

  /** What an ExternalName leads to, so that the client need not ask again; nothing when that can't be found. */
  async function resolveTarget(target: string): Promise<readonly Answer[]> {
    const inside = lookUp(data, domain, target.toLowerCase().replace(/\.$/, ""), question?.type ?? "A");
    if (inside.kind === "records")
      return inside.records.map((record) => ({ ...record, name: target, ttl, class: "IN" as const }));
    if (inside.kind !== "elsewhere") return [];
    try {
      const type = question?.type ?? "A";
      const upstream = await forward(
        encode({ type: "query", id: asked.id ?? 0, flags: 0x100, questions: [{ type, name: target, class: "IN" }] }),
        over,
      );
      return decode(upstream).answers ?? [];
    } catch {
      return [];
    }
  }
}

function udpSize(asked: DecodedPacket): number {
  const opt = asked.additionals?.find(({ type }) => type === "OPT") as { udpPayloadSize?: number } | undefined;
  return Math.min(4096, Math.max(plainUdpSize, opt?.udpPayloadSize ?? plainUdpSize));
}

/** Too much for a datagram: as many answers as fit, and the flag that sends the client to TCP. */
function fit(packet: Packet, size: number): Buffer {
  let bytes = encode(packet);
  while (bytes.length > size && packet.answers && packet.answers.length > 0) {
    const keep = Math.floor(packet.answers.length * Math.min(0.9, size / bytes.length));
    packet = { ...packet, flags: (packet.flags ?? 0) | TRUNCATED_RESPONSE, answers: packet.answers.slice(0, keep) };
    bytes = encode(packet);
  }
  return bytes;
}

/** RFC 2308: a negative answer is kept as long as the zone's SOA says. */
function startOfAuthority(domain: string): Answer {
  return {
    type: "SOA",
    name: domain,
    ttl,
    class: "IN",
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttl,
    },
  };
}

/** The question's header back, with a failure and no sections. */
function headerOnly(query: Buffer, rcode: number): Buffer {
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x7900) | recursionAvailable | rcode, 2);
  return header;
}

function shuffled<T>(list: readonly T[]): readonly T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
