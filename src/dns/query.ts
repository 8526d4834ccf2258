import { type DecodedPacket, decode, type Question } from "dns-packet";
import { headerOnly, rcodes } from "./reply.ts";

interface Query {
  readonly asked: DecodedPacket;
  readonly question: Question;
}

/** What to say to bytes that aren't a query; undefined for what must be ignored. */
interface NoQuery {
  readonly reply: Buffer | undefined;
}

/** A query, or what to say instead. */
export function parseQuery(query: Buffer): Query | NoQuery {
  // Shorter than a header, or itself an answer.
  if (query.length < 12 || (query.readUInt8(2) & 0x80) !== 0) return { reply: undefined };
  if (((query.readUInt8(2) >> 3) & 15) !== 0) return { reply: headerOnly(query, rcodes.notImp) };
  let asked: DecodedPacket;
  try {
    asked = decode(query);
  } catch {
    return { reply: headerOnly(query, rcodes.formErr) };
  }
  const [question] = asked.questions ?? [];
  if (!question || asked.questions?.length !== 1) return { reply: headerOnly(query, rcodes.formErr) };
  return { asked, question };
}
