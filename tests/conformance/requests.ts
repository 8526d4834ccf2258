import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { request as httpsRequest } from "node:https";
import type { ExpectedResponse } from "./cases.ts";

/** Where a listener can be reached. */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly rootPem: string;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const timeoutMs = 10_000;
const maxBodyBytes = 1_000_000;

/** One HTTP/1.1 request, over TLS where the listener wants it; the host is the server name. */
export function sendHttp(target: Target, request: NonNullable<ExpectedResponse["request"]>): Promise<Answer> {
  const host = request.host || target.address;
  const options = {
    host: target.address,
    port: target.port,
    path: request.path || "/",
    method: request.method || "GET",
    headers: { ...request.headers, host },
    timeout: timeoutMs,
    agent: false as const,
  };
  return new Promise((resolve, reject) => {
    const sent = target.isTls
      ? httpsRequest({ ...options, servername: host, ca: target.rootPem })
      : httpRequest(options);
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on("error", reject);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBodyBytes) chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(",")]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(headers) as Record<string, string>,
          body: Buffer.concat(chunks).toString("utf8"),
        });
      });
    });
    sent.end();
  });
}

/** One call of the echo service; the status is gRPC's own, and the body the message as text. */
export function sendGrpc(
  target: Target,
  method: string,
  { authority, metadata = {} }: NonNullable<ExpectedResponse["requestMetadata"]> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${target.address}:${target.port}`);
    session.on("error", reject);
    const stream = session.request({
      ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value])),
      ":method": "POST",
      ":path": `/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/${method}`,
      ":authority": authority ?? target.address,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    let status = 200;
    let grpcStatus = "";
    stream.setTimeout(timeoutMs, () => stream.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      grpcStatus = String(headers["grpc-status"] ?? "");
    });
    stream.on("trailers", (headers) => {
      grpcStatus = String(headers["grpc-status"] ?? grpcStatus);
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", (error) => {
      session.destroy();
      reject(error);
    });
    stream.on("end", () => {
      session.close();
      const code = grpcStatus === "" ? (status === 404 ? 12 : 2) : Number(grpcStatus);
      resolve({ status: code, headers: {}, body: Buffer.concat(chunks).toString("utf8") });
    });
    stream.end(Buffer.alloc(5));
  });
}
