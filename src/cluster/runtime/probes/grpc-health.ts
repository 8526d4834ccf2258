import type { IncomingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";

/** `SERVING` of grpc.health.v1.HealthCheckResponse. */
const serving = 1;
/** The answer is a few bytes; more than this is something else. */
const longestAnswer = 1024;

/**
 * Asks `grpc.health.v1.Health/Check` (gRPC Health Checking Protocol) and rejects unless the answer is SERVING.
 * The two messages are small enough to be read and written by hand.
 */
export async function grpcHealthCheck(host: string, port: number, service: string, timeout: number): Promise<void> {
  const session = connect(`http://${host}:${port}`);
  const timer = setTimeout(() => session.destroy(new Error("context deadline exceeded")), timeout);
  try {
    const status = await check(session, `${host}:${port}`, service);
    if (status !== serving) throw new Error(`service unhealthy (responded with status ${status})`);
  } finally {
    clearTimeout(timer);
    session.destroy();
  }
}

function check(session: ClientHttp2Session, authority: string, service: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  session.on("error", reject);
  session.on("close", () => reject(new Error("the connection was closed before an answer came")));
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    ":authority": authority,
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "kube-probe/1.32",
  });
  stream.on("error", reject);
  let answer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    answer = Buffer.concat([answer, chunk]);
    if (answer.length > longestAnswer) stream.destroy(new Error("the answer is too long for a health check"));
  });
  const onStatus = (headers: IncomingHttpHeaders): void => {
    const [code, message] = [headers["grpc-status"], headers["grpc-message"]].map((value) => value?.toString() ?? "");
    if (code !== "" && code !== "0") reject(new Error(`grpc status ${code}: ${message}`));
  };
  stream.on("response", onStatus);
  stream.on("trailers", onStatus);
  // Five bytes of frame header, then field 1 as a varint; no field is UNKNOWN (0).
  stream.on("end", () => resolve(answer.length > 6 && answer[5] === 0x08 ? (answer[6] ?? 0) : 0));
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([header, message]));
  return promise;
}
