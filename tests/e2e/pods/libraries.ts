// What this repository's packages give to programs that run in a pod, where the repository is at /opt/weft.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

const inPod = "/opt/weft/package.json";
const load = createRequire(existsSync(inPod) ? inPod : import.meta.url);

export const grpc = load("@grpc/grpc-js") as typeof import("@grpc/grpc-js");
export const websocket = load("ws") as typeof import("ws");

/** A WebSocket's message as text. */
export function textOf(message: Buffer | ArrayBuffer | readonly Buffer[]): string {
  return Array.isArray(message) ? Buffer.concat(message).toString() : Buffer.from(message as Buffer).toString();
}

interface EchoMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (text: string) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => string;
  readonly responseSerialize: (text: string) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => string;
}

function method(path: string, streams: boolean): EchoMethod {
  return {
    path: `/test.Echo/${path}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: (text) => Buffer.from(text),
    requestDeserialize: (bytes) => bytes.toString(),
    responseSerialize: (text) => Buffer.from(text),
    responseDeserialize: (bytes) => bytes.toString(),
  };
}

/** A gRPC service whose messages are plain text: one answer for one question, or for each of a stream. */
export const echoService: Readonly<Record<"say" | "chat", EchoMethod>> = {
  say: method("Say", false),
  chat: method("Chat", true),
};
