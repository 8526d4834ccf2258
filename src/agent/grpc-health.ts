import http2 from "node:http2";
import { connect } from "node:net";
import type { ProbeTarget } from "./app-probe.ts";

const serving = 1;
const maxAnswerBytes = 4096;

/** Asks `grpc.health.v1.Health/Check` over plaintext. False for any answer but SERVING, and for none in time. */
export function grpcServing(port: number, service: string, target: ProbeTarget, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const session = http2.connect(`http://localhost:${port}`, {
      createConnection: () => connect({ ...target, port }),
    });
    const timer = setTimeout(() => end(false), timeoutMs);
    const end = (result: boolean): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(result);
    };
    session.once("error", () => end(false));
    const call = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    call.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunks.reduce((sum, item) => sum + item.length, 0) > maxAnswerBytes) end(false);
    });
    call.once("error", () => end(false));
    call.once("end", () => end(statusOf(Buffer.concat(chunks)) === serving));
    call.end(message(service));
  });
}

/** HealthCheckRequest: field 1 is the service. In a gRPC frame: a flag, the length, the message. */
function message(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, 127);
  const body = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** HealthCheckResponse: field 1 is the status, a small number. */
function statusOf(frame: Buffer): number {
  return frame.length >= 7 && frame[5] === 0x08 ? (frame[6] ?? 0) : 0;
}
