import type { IncomingHttpHeaders } from "node:http";
import { forwardedHeaders } from "../forwarded-headers.ts";
import { getJson } from "../get-json.ts";
import { type Handler, json, notFound } from "../http-service.ts";
import { serviceUrl } from "../service-url.ts";

type Env = Readonly<Record<string, string | undefined>>;

const texts = [
  {
    reviewer: "Reviewer1",
    text: "Two pairs of twins, one town, and nobody who asks the right question. I laughed from the first door slammed to the last.",
  },
  {
    reviewer: "Reviewer2",
    text: "Quick, loud and very funny. Don't look for the depth of the later plays: here the jokes do the work, and they do it well.",
  },
] as const;

/**
 * `GET /reviews/ID`. With `ENABLE_RATINGS=true` each review has its stars, in `STAR_COLOR`, from ratings: v2 waits 10 s for
 * them, v3 (red) 2.5 s, as the originals do; when they don't come, the review says so.
 */
export function reviewsHandler(env: Env): Handler {
  const withRatings = env["ENABLE_RATINGS"]?.toLowerCase() === "true";
  const color = env["STAR_COLOR"] ?? "black";
  const timeout = color === "black" ? 10_000 : 2_500;
  const ratingsUrl = serviceUrl("ratings", env);

  /** Undefined when there is no answer. */
  async function stars(id: string, headers: IncomingHttpHeaders): Promise<Record<string, unknown> | undefined> {
    const answer = await getJson(`${ratingsUrl}/${id}`, forwardedHeaders(headers), timeout);
    const ratings = (answer.body as { ratings?: unknown } | undefined)?.ratings;
    return typeof ratings === "object" && ratings !== null ? (ratings as Record<string, unknown>) : undefined;
  }

  return async ({ method, path, headers }) => {
    if (method !== "GET") return notFound;
    if (path === "/health") return json({ status: "Reviews is healthy" });
    const id = /^\/reviews\/(\d+)$/.exec(path)?.[1];
    if (id === undefined) return notFound;
    const found = withRatings ? await stars(id, headers) : undefined;
    const rating = (reviewer: string): object => {
      const count = found?.[reviewer];
      return typeof count === "number"
        ? { stars: count, color }
        : { error: "Ratings service is currently unavailable" };
    };
    return json({
      id,
      podname: env["HOSTNAME"] ?? "null",
      clustername: env["CLUSTER_NAME"] ?? "null",
      reviews: texts.map((review) => (withRatings ? { ...review, rating: rating(review.reviewer) } : review)),
    });
  };
}
