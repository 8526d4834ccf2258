import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import {
  checkHeader,
  deniedBody,
  isAllowed,
  overrideHeader,
  receivedHeader,
  resultHeader,
  shortened,
} from "./decision.ts";

/** Decides on the request that it gets, which is Envoy's copy of the client's. */
export function httpCheck(): RequestListener {
  return (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const { method, url, headers } = request;
  const body = shortened(Buffer.concat(parts).toString());
  const received = `${method} ${headers.host}${url}, headers: ${JSON.stringify(headers)}, body: [${body}]`;
  const allowed = isAllowed(header(request, checkHeader) ?? "", "", "");
  const result = allowed ? "allowed" : "denied";
  process.stdout.write(`[HTTP][${result}]: ${received}\n`);
  response.setHeader(resultHeader, result);
  response.setHeader(overrideHeader, header(request, overrideHeader) ?? "");
  response.setHeader(receivedHeader, received.replace(/[^\x20-\x7e]/g, "?"));
  response.statusCode = allowed ? 200 : 403;
  response.end(allowed ? "" : deniedBody);
}

function header({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
