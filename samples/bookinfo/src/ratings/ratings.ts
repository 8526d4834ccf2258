import { setTimeout as sleep } from "node:timers/promises";
import { type Handler, json, notFound, type ServiceResponse } from "../http-service.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Products whose ratings were posted; more are refused. */
const maxProducts = 1000;

/**
 * Stars by reviewer, in memory: `GET /ratings/ID`, `POST /ratings/ID` with an object of numbers.
 * `SERVICE_VERSION` makes it misbehave as the original does: v-faulty (half of the answers are 503), v-delayed (half take
 * 7 s), v-unavailable (503 in every other minute), v-unhealthy (503 and unhealthy in every other quarter of an hour).
 */
export function ratingsHandler(env: Env, chance: () => number = Math.random, now: () => number = Date.now): Handler {
  const version = env["SERVICE_VERSION"] ?? "v1";
  const started = now();
  const posted = new Map<number, Record<string, unknown>>();
  const inBadSpell = (ms: number): boolean => Math.floor((now() - started) / ms) % 2 === 1;

  function post(id: number, body: string): ServiceResponse {
    const ratings = parseRatings(body);
    if (!ratings) return json({ error: "please provide valid ratings JSON" }, 400);
    if (!posted.has(id) && posted.size >= maxProducts) return json({ error: `more than ${maxProducts} products` }, 507);
    posted.set(id, ratings);
    return json({ id, ratings });
  }

  async function get(id: number): Promise<ServiceResponse> {
    const down =
      (version === "v-faulty" && chance() <= 0.5) ||
      (version === "v-unavailable" && inBadSpell(60_000)) ||
      (version === "v-unhealthy" && inBadSpell(900_000));
    if (down) return json({ error: "Service unavailable" }, 503);
    if (version === "v-delayed" && chance() <= 0.5) await sleep(7_000);
    return json({ id, ratings: posted.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } });
  }

  return async ({ method, path, body }) => {
    if (method === "GET" && path === "/health")
      return version === "v-unhealthy" && inBadSpell(900_000)
        ? json({ status: "Ratings is not healthy" }, 500)
        : json({ status: "Ratings is healthy" });
    const id = /^\/ratings\/([^/]*)$/.exec(path)?.[1];
    if (id === undefined || (method !== "GET" && method !== "POST")) return notFound;
    if (!/^\d+$/.test(id)) return json({ error: "please provide numeric product ID" }, 400);
    return method === "POST" ? post(Number(id), body) : get(Number(id));
  };
}

function parseRatings(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
