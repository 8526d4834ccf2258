import { getJson } from "../get-json.ts";
import { serviceUrl } from "../service-url.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Backend = "details" | "reviews" | "ratings";

/** What a backend said; `error` is for people. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The three services that the page is made of. */
export interface Backends {
  get(backend: Backend, id: string, headers: Record<string, string>): Promise<Answer>;
  /** How often a backend answered what, in Prometheus' text format. */
  metrics(): string;
}

/** ms for one attempt. */
const timeout = 3_000;
/** Reviews are asked twice: the original has this flaw on purpose, and the tutorial on faults is about finding it. */
const attempts: Readonly<Record<Backend, number>> = { details: 1, reviews: 2, ratings: 1 };

export function createBackends(env: Env): Backends {
  const urls = {
    details: serviceUrl("details", env),
    reviews: serviceUrl("reviews", env),
    ratings: serviceUrl("ratings", env),
  };
  const results = new Map<string, number>();

  function count(backend: Backend, status: number): void {
    const labels = `destination_app="${backend}",response_code="${status}"`;
    results.set(labels, (results.get(labels) ?? 0) + 1);
  }

  return {
    async get(backend, id, headers) {
      let status = 0;
      for (let attempt = 0; attempt < attempts[backend]; attempt++) {
        const answer = await getJson(`${urls[backend]}/${encodeURIComponent(id)}`, headers, timeout);
        if (typeof answer.body === "object" && answer.body !== null) {
          count(backend, 200);
          return { status: 200, body: answer.body as Record<string, unknown> };
        }
        status = answer.status;
      }
      // No answer at all shows as 500.
      const shown = status === 0 || status === 200 ? 500 : status;
      count(backend, shown);
      return { status: shown, body: { error: `Sorry, product ${backend} are currently unavailable for this book.` } };
    },
    metrics() {
      const lines = ["# HELP request_result_total Results of requests", "# TYPE request_result_total counter"];
      for (const [labels, value] of results) lines.push(`request_result_total{${labels}} ${value}`);
      return `${lines.join("\n")}\n`;
    },
  };
}
