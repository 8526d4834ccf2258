import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from "dns-packet";
import type { Forward } from "#dns/forward.ts";
import { parseQuery } from "#dns/query.ts";
import { answerSize, ednsAnswer, fit, headerOnly, rcodes, recursionAvailable, shuffled } from "#dns/reply.ts";
import { lookUp, type ZoneData } from "./zone.ts";

export interface Answering {
  readonly data: ZoneData;
  /** `cluster.local`. */
  readonly domain: string;
  readonly forward: Forward;
}

/** Seconds that an answer of ours may be kept; CoreDNS has 30 for Kubernetes, Services here come and go more quickly. */
const ttl = 5;

/** The answer to a query, as bytes; undefined for what isn't a query and must be ignored. */
export async function answer(
  query: Buffer,
  over: "udp" | "tcp",
  { data, domain, forward }: Answering,
): Promise<Buffer | undefined> {
  const parsed = parseQuery(query);
  if ("reply" in parsed) return parsed.reply;
  const { asked, question } = parsed;
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
        additionals: ednsAnswer(asked),
      },
      answerSize(asked, over),
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
