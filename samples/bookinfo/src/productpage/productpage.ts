import { forwardedHeaders } from "../forwarded-headers.ts";
import { type Handler, json, notFound, type ServiceRequest, type ServiceResponse } from "../http-service.ts";
import { createBackends } from "./backends.ts";
import { renderIndex } from "./index-page.ts";
import { renderProductPage } from "./product-page.ts";
import { products } from "./products.ts";
import { createSessions } from "./session.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Nobody can sign in as another, because nobody has a password: the secret only keeps the cookie well-formed. */
const defaultSecret = "bookinfo";
const maxFlood = 1000;

/** The shop's front: the page, the login, and the API over details, reviews and ratings. */
export function productpageHandler(env: Env): Handler {
  const backends = createBackends(env);
  const sessions = createSessions(env["SESSION_SECRET"] ?? defaultSecret);
  // Further, useless calls of reviews for each page: the tutorial on rate limits turns this up.
  const flood = Math.min(maxFlood, Math.max(0, Number(env["FLOOD_FACTOR"] ?? 0) || 0));

  /** Trace and session headers as they came; `end-user` only from the session, never from outside. */
  function headersFor({ headers }: ServiceRequest): Record<string, string> {
    const { "end-user": _outside, ...forwarded } = forwardedHeaders(headers);
    const user = sessions.userOf(headers.cookie);
    return user === undefined ? forwarded : { ...forwarded, "end-user": encodeHeader(user) };
  }

  async function page(request: ServiceRequest): Promise<ServiceResponse> {
    const headers = headersFor(request);
    const [product] = products;
    const id = String(product.id);
    const details = await backends.get("details", id, headers);
    if (flood > 0) await Promise.all(Array.from({ length: flood }, () => backends.get("reviews", id, headers)));
    const reviews = await backends.get("reviews", id, headers);
    const user = sessions.userOf(request.headers.cookie);
    return html(renderProductPage({ product, details, reviews, ...(user === undefined ? {} : { user }) }));
  }

  async function api(rest: string, request: ServiceRequest): Promise<ServiceResponse> {
    if (rest === "") return json(products);
    const [, id = "", part] = /^\/([^/]+)(?:\/(reviews|ratings))?$/.exec(rest) ?? [];
    if (!/^\d+$/.test(id)) return notFound;
    const backend = part === "reviews" || part === "ratings" ? part : "details";
    const { status, body } = await backends.get(backend, id, headersFor(request));
    return json(body, status);
  }

  return async (request) => {
    const { method, path } = request;
    if (method === "POST" && path === "/login") {
      const user = new URLSearchParams(request.body).get("username")?.trim();
      return back(request, user ? sessions.start(user) : sessions.end());
    }
    if (method !== "GET" && method !== "HEAD") return notFound;
    if (path === "/productpage") return page(request);
    if (path === "/" || path === "/index.html") return html(renderIndex());
    if (path === "/health") return { status: 200, headers: plainText, body: "Product page is healthy" };
    if (path === "/logout") return back(request, sessions.end());
    if (path === "/metrics") return { status: 200, headers: metricsText, body: backends.metrics() };
    const rest = /^\/api\/v1\/products(.*)$/.exec(path)?.[1];
    return rest === undefined ? notFound : api(rest, request);
  };
}

const plainText = { "content-type": "text/plain; charset=utf-8" };
const metricsText = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };

function html(body: string): ServiceResponse {
  return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

/** To where the visitor came from; the host part is left out, so that nobody is sent elsewhere. */
function back({ headers }: ServiceRequest, cookie: string): ServiceResponse {
  let location = "/productpage";
  const from = URL.parse(headers.referer ?? "");
  if (from && !from.pathname.startsWith("//")) location = `${from.pathname}${from.search}`;
  return { status: 302, headers: { location, "set-cookie": cookie }, body: "" };
}

/** Header values are Latin-1 without control characters. */
function encodeHeader(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/g, (character) => encodeURIComponent(character));
}
