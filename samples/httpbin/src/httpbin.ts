import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalHeaders } from "../../echo/src/echo.ts";

/** Bytes of a body, in either direction; seconds of a delay. As go-httpbin's defaults. */
const largestBody = 1024 * 1024;
const longestDelay = 10;

type Body = { readonly type: string; readonly text: string | Buffer };
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Body;
}

interface Asked {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** Parts of the path after the first. */
  readonly rest: readonly string[];
  readonly body: string;
}

const json = (value: unknown): Body => ({
  type: "application/json; charset=utf-8",
  text: `${JSON.stringify(value, null, 2)}\n`,
});
const html = (text: string): Body => ({ type: "text/html; charset=utf-8", text });

/** Says what it was asked, and answers as it is told to. The paths and answers are those of go-httpbin, as far as tutorials use them. */
export function httpbin(): RequestListener {
  return (request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > largestBody) return void response.writeHead(413).end();
    parts.push(part);
  }
  const url = new URL(request.url ?? "/", "http://httpbin");
  const [, first = "", ...rest] = url.pathname.split("/");
  const answerOf = paths[first];
  const asked = { request, url, rest, body: Buffer.concat(parts).toString() };
  const { status = 200, headers = {}, body } = (await answerOf?.(asked)) ?? { status: 404, body: html("Not Found\n") };
  console.log(`${request.method} ${request.url} ${status}`);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-allow-credentials", "true");
  if (body) response.setHeader("content-type", body.type);
  response.statusCode = status;
  response.end(request.method === "HEAD" ? undefined : body?.text);
}

function headersOf({ rawHeaders, headers }: IncomingMessage): Record<string, readonly string[]> {
  return { ...canonicalHeaders(rawHeaders), Host: [headers.host ?? ""] };
}

function originOf({ headers, socket }: IncomingMessage): string {
  const [first = ""] = String(headers["x-forwarded-for"] ?? "").split(",");
  return first.trim() || (socket.remoteAddress ?? "");
}

function args(url: URL): Record<string, readonly string[]> {
  return Object.fromEntries([...new Set(url.searchParams.keys())].map((key) => [key, url.searchParams.getAll(key)]));
}

function described({ request, url, body }: Asked): Record<string, unknown> {
  const known = { args: args(url), headers: headersOf(request), method: request.method, origin: originOf(request) };
  return {
    ...known,
    url: `http://${request.headers.host ?? ""}${request.url}`,
    ...(body === "" ? {} : { data: body, json: parsed(body) }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function forMethod(method: string): (asked: Asked) => Answer {
  return (asked) => {
    const isRight = asked.request.method === method || (method === "GET" && asked.request.method === "HEAD");
    return isRight ? { body: json(described(asked)) } : { status: 405, headers: { allow: method } };
  };
}

/** A whole number between two, or undefined. */
function numberIn(text: string | undefined, least: number, most: number): number | undefined {
  const number = /^\d+(\.\d+)?$/.test(text ?? "") ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

const badRequest: Answer = { status: 400, body: html("Bad Request\n") };

const paths: Readonly<Record<string, (asked: Asked) => Answer | Promise<Answer>>> = {
  "": () => ({ body: html("<!DOCTYPE html><title>httpbin</title><h1>httpbin</h1>\n") }),
  get: forMethod("GET"),
  post: forMethod("POST"),
  put: forMethod("PUT"),
  patch: forMethod("PATCH"),
  delete: forMethod("DELETE"),
  anything: (asked) => ({ body: json(described(asked)) }),
  headers: ({ request }) => ({ body: json({ headers: headersOf(request) }) }),
  ip: ({ request }) => ({ body: json({ origin: originOf(request) }) }),
  "user-agent": ({ request }) => ({ body: json({ "user-agent": request.headers["user-agent"] ?? "" }) }),
  uuid: () => ({ body: json({ uuid: randomUUID() }) }),
  html: () => ({ body: html("<!DOCTYPE html><html><body><h1>Herman Melville - Moby-Dick</h1></body></html>\n") }),
  json: () => ({ body: json({ slideshow: { author: "Yours Truly", title: "Sample Slide Show" } }) }),
  "robots.txt": () => ({ body: { type: "text/plain", text: "User-agent: *\nDisallow: /deny\n" } }),
  status({ rest }) {
    const status = numberIn(rest[0], 200, 599);
    if (status === undefined || !Number.isInteger(status)) return badRequest;
    if (status === 418) return { status, body: { type: "text/plain", text: "I'm a teapot!\n" } };
    return status >= 301 && status <= 303 ? { status, headers: { location: "/redirect/1" } } : { status };
  },
  async delay(asked) {
    const seconds = numberIn(asked.rest[0], 0, longestDelay);
    if (seconds === undefined) return badRequest;
    await sleep(seconds * 1000);
    return { body: json(described(asked)) };
  },
  redirect({ rest }) {
    const times = numberIn(rest[0], 1, 100);
    if (times === undefined) return badRequest;
    return { status: 302, headers: { location: times > 1 ? `/redirect/${times - 1}` : "/get" } };
  },
  bytes({ rest }) {
    const size = numberIn(rest[0], 0, largestBody);
    if (size === undefined) return badRequest;
    return { body: { type: "application/octet-stream", text: randomBytes(Math.trunc(size)) } };
  },
  "response-headers": ({ url }) => ({ headers: args(url), body: json(args(url)) }),
  cookies: ({ request }) => ({ body: json({ cookies: cookiesOf(request) }) }),
  bearer({ request }) {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    if (token === undefined) return { status: 401, headers: { "www-authenticate": "Bearer" } };
    return { body: json({ authenticated: true, token }) };
  },
  "basic-auth"({ request, rest: [user = "", password = ""] }) {
    const given = Buffer.from(/^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "", "base64").toString();
    const authorized = given === `${user}:${password}`;
    const challenge = { "www-authenticate": 'Basic realm="Fake Realm"' };
    return { status: authorized ? 200 : 401, headers: authorized ? {} : challenge, body: json({ authorized, user }) };
  },
};

function cookiesOf({ headers }: IncomingMessage): Record<string, string> {
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim().split("=", 2));
  return Object.fromEntries(pairs.filter(([name]) => name).map(([name = "", value = ""]) => [name, value]));
}
