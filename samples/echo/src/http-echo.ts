import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answerer, canonicalHeaders, delayMs, tlsOf } from "./echo.ts";

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/**
 * Answers with the request, in JSON. `/status/404` and `?status=404` answer with that status, `?delay=1s` waits before, and the request header
 * `x-echo-set-header: name: value, …` sets headers of the answer.
 */
export function httpEcho(answerer: Answerer): RequestListener & ((request: Request, response: Response) => void) {
  return (request: Request, response: Response) => {
    request.resume();
    answer(request, response, answerer).catch((error: unknown) => response.destroy(error as Error));
  };
}

async function answer(request: Request, response: Response, answerer: Answerer): Promise<void> {
  const url = new URL(request.url ?? "/", "http://echo");
  await sleep(delayMs(url.searchParams.get("delay")));
  const host = String(request.headers[":authority"] ?? request.headers.host ?? "");
  const tls = tlsOf(request.socket);
  const body = JSON.stringify({
    path: request.url,
    host,
    method: request.method,
    proto: `HTTP/${request.httpVersion}`,
    headers: canonicalHeaders(request.rawHeaders),
    ...answerer,
    ...(tls ? { tls } : {}),
  });
  process.stdout.write(`Echoing back request made to ${request.url} to client (${request.socket.remoteAddress})\n`);
  const asked =
    /^\/status\/([1-5]\d\d)$/.exec(url.pathname)?.[1] ?? /^[2-5]\d\d$/.exec(url.searchParams.get("status") ?? "")?.[0];
  const status = Number(asked ?? 200);
  for (const [name, value] of wantedHeaders(request.headers["x-echo-set-header"])) response.setHeader(name, value);
  response.setHeader("content-type", "application/json");
  response.setHeader("x-content-type-options", "nosniff");
  response.statusCode = Math.max(status, 200);
  response.end(request.method === "HEAD" ? "" : `${body}\n`);
}

function wantedHeaders(header: string | readonly string[] | undefined): (readonly [string, string])[] {
  const text = typeof header === "string" ? header : (header ?? []).join(",");
  return text.split(",").flatMap((part) => {
    const colon = part.indexOf(":");
    const name = part.slice(0, colon).trim();
    return /^[\w-]+$/.test(name) ? [[name, part.slice(colon + 1).trim()] as const] : [];
  });
}
