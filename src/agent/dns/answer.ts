import { type Answer, AUTHORITATIVE_ANSWER } from "dns-packet";
import type { Forward } from "#dns/forward.ts";
import { parseQuery } from "#dns/query.ts";
import { answerSize, ednsAnswer, fit, headerOnly, rcodes, recursionAvailable, shuffled } from "#dns/reply.ts";
import type { Hosts } from "./hosts.ts";

/** Seconds that an answer may be kept. Istio: defaultTTLInSeconds. */
const ttl = 30;

/**
 * The answer to a workload's query, as bytes; undefined for what isn't a query. Hosts of the mesh are answered from the table,
 * everything else by the workload's own resolvers. Before the table is there (`hosts` undefined) nothing is: a host of the mesh
 * must not be looked up outside.
 */
export async function answerWorkload(
  query: Buffer,
  over: "udp" | "tcp",
  hosts: Hosts | undefined,
  forward: Forward,
): Promise<Buffer | undefined> {
  const parsed = parseQuery(query);
  if ("reply" in parsed) return parsed.reply;
  const { asked, question } = parsed;
  if (hosts === undefined) return headerOnly(query, rcodes.servFail);
  const { type } = question;
  const found =
    type === "A" || type === "AAAA" ? hosts.find(question.name.toLowerCase().replace(/\.$/, "")) : undefined;
  if (found === undefined) return await forward(query, over).catch(() => headerOnly(query, rcodes.servFail));
  const other = found.name === question.name.toLowerCase() ? undefined : found.name;
  const records = shuffled(type === "A" ? found.v4 : found.v6).map(
    (data) => ({ type, name: other ?? question.name, ttl, class: "IN", data }) as Answer,
  );
  const alias: Answer[] =
    other === undefined ? [] : [{ type: "CNAME", name: question.name, ttl, class: "IN", data: other }];
  return fit(
    {
      type: "response",
      id: asked.id ?? 0,
      // A name without addresses of the kind exists all the same: "no such name" would hide those of the other kind.
      flags: AUTHORITATIVE_ANSWER | ((asked.flags ?? 0) & 0x100) | recursionAvailable | rcodes.ok,
      questions: [question],
      answers: [...alias, ...records],
      additionals: ednsAnswer(asked),
    },
    answerSize(asked, over),
  );
}
