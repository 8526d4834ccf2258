import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { field, grpcFrame, numberField, readFields } from "../../protobuf/message.ts";
import {
  checkHeader,
  deniedBody,
  isAllowed,
  overrideHeader,
  receivedHeader,
  resultHeader,
  shortened,
} from "./decision.ts";

const method = "/envoy.service.auth.v3.Authorization/Check";
/** gRPC: INVALID_ARGUMENT, UNIMPLEMENTED; google.rpc.Code: PERMISSION_DENIED. */
const invalid = "3";
const unimplemented = "12";
const permissionDenied = 7;
const largest = 1024 * 1024;

/** What Envoy says of a call. */
interface Call {
  readonly headers: ReadonlyMap<string, string>;
  readonly path: string;
  readonly host: string;
  readonly method: string;
  readonly principal: string;
}

/** Envoy's service for decisions on calls. envoy.service.auth.v3.Authorization */
export function grpcCheck(account: string): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  return (stream, headers) => {
    const parts: Buffer[] = [];
    let length = 0;
    stream.on("error", () => {});
    stream.on("data", (part: Buffer) => {
      length += part.length;
      if (length > largest) stream.close();
      else parts.push(part);
    });
    stream.on("end", () => {
      if (stream.destroyed) return;
      const answer = headers[":path"] === method ? decide(Buffer.concat(parts), account) : unimplemented;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      const status = typeof answer === "string" ? answer : "0";
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
      stream.end(typeof answer === "string" ? undefined : grpcFrame(answer));
    });
  };
}

/** A CheckResponse, or the status of a call that is none. */
function decide(body: Buffer, account: string): Buffer | string {
  try {
    const call = callOf(body.subarray(5));
    const allowed = isAllowed(call.headers.get(checkHeader), call.principal, account);
    const result = allowed ? "allowed" : "denied";
    const received = JSON.stringify({ ...call, headers: Object.fromEntries(call.headers) });
    process.stdout.write(`[gRPCv3][${result}]: ${call.host}${call.path}, attributes: ${received}\n`);
    const added = [
      [resultHeader, result],
      [receivedHeader, shortened(received)],
      [overrideHeader, "grpc-additional-header-override-value"],
    ] as const;
    const headers = added.map(([name, value]) => field(2, field(1, Buffer.concat([field(1, name), field(2, value)]))));
    if (allowed) return Buffer.concat([field(1, numberField(1, 0)), field(3, Buffer.concat(headers))]);
    const denied = Buffer.concat([field(1, numberField(1, 403)), ...headers, field(3, deniedBody)]);
    return Buffer.concat([field(1, numberField(1, permissionDenied)), field(2, denied)]);
  } catch {
    return invalid;
  }
}

/** CheckRequest: 1 attributes, of these 1 source (4 principal) and 4 request (2 http: 2 method, 3 headers, 4 path, 5 host). */
function callOf(message: Buffer): Call {
  const attributes = inner(readFields(message), 1);
  const http = inner(inner(attributes, 4), 2);
  const headers = (http.get(3) ?? []).map((entry) => {
    const pair = readFields(entry);
    return [text(pair, 1), text(pair, 2)] as const;
  });
  return {
    headers: new Map(headers),
    method: text(http, 2),
    path: text(http, 4),
    host: text(http, 5),
    principal: text(inner(attributes, 1), 4),
  };
}

type Fields = ReturnType<typeof readFields>;

function inner(fields: Fields, number: number): Fields {
  return readFields(fields.get(number)?.[0] ?? Buffer.alloc(0));
}

function text(fields: Fields, number: number): string {
  return fields.get(number)?.[0]?.toString() ?? "";
}
