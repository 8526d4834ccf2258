import type { IncomingHttpHeaders } from "node:http2";
import { FrameSplitter, frameHeader } from "#xds/grpc-frame.ts";
import { callHeaders, connectTo, type ServerAddress } from "./istiod-connection.ts";
import type { AgentSettings } from "./settings.ts";

/** A call that was answered with a status other than OK. */
export class CallError extends Error {
  override readonly name = "CallError";
  /** gRPC's status code. */
  readonly status: string;
  constructor(status: string, message: string) {
    super(message === "" ? `refused with gRPC status ${status}` : message);
    this.status = status;
  }
}

interface CallLimits {
  /** From the open connection to the answer, ms. */
  readonly timeoutMs: number;
  /** Of the answer. */
  readonly maxBytes: number;
}

/** One gRPC call with one answer, over a connection of its own. Rejects with a {@link CallError} or what the connection broke by. */
export async function callOnce(
  server: ServerAddress,
  settings: AgentSettings,
  path: string,
  request: Uint8Array,
  { timeoutMs, maxBytes }: CallLimits,
): Promise<Uint8Array> {
  const session = await connectTo(server);
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      const stream = session.request(callHeaders(settings, path));
      const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
      const frames = new FrameSplitter(maxBytes);
      let answer: Uint8Array | undefined;
      let status: CallError | "ok" | undefined;
      const readStatus = (headers: IncomingHttpHeaders): void => {
        const code = headers["grpc-status"];
        if (code !== undefined) status = code === "0" ? "ok" : new CallError(String(code), messageOf(headers));
      };
      stream.on("response", readStatus);
      stream.on("trailers", readStatus);
      stream.on("data", (chunk: Buffer) => {
        try {
          for (const frame of frames.push(chunk)) answer ??= frame;
        } catch (error) {
          reject(error);
        }
      });
      stream.once("error", reject);
      stream.once("close", () => {
        clearTimeout(timer);
        if (status === "ok" && answer !== undefined) resolve(answer);
        else reject(status instanceof CallError ? status : new Error("the call broke off"));
      });
      stream.write(frameHeader(request.length));
      stream.end(request);
    });
  } finally {
    session.destroy();
  }
}

function messageOf(headers: IncomingHttpHeaders): string {
  const text = String(headers["grpc-message"] ?? "");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
