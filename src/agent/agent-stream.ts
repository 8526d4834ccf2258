import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { FrameSplitter, frameHeader } from "#xds/grpc-frame.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import { backoffMs } from "./backoff.ts";
import type { XdsNode } from "./node.ts";
import { encodeNode } from "./node-message.ts";
import type { SharedSession } from "./shared-session.ts";

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/** A response may not be longer than this (bytes). */
const maxResponse = 64 * 1024 * 1024;
const firstRetryMs = 500;
const lastRetryMs = 15_000;

/** What the agent itself wants to know from istiod, over a stream of its own for as long as it runs. */
export interface AgentStream {
  /**
   * Follows the one resource of a type. A response that `take` throws for is refused, and what was taken last stays in
   * effect. To be called before `start`.
   */
  follow(typeUrl: string, take: (resource: Uint8Array) => void): void;
  /** Tells how something is: undefined when it is well, else in words what is wrong. A new stream repeats it. */
  report(typeUrl: string, problem: string | undefined): void;
  start(): void;
  stop(): void;
}

export function createAgentStream(istiod: SharedSession, node: XdsNode, log: Log): AgentStream {
  const takers = new Map<string, (resource: Uint8Array) => void>();
  const reports = new Map<string, string | undefined>();
  let sendNow: ((message: Uint8Array) => void) | undefined;
  const stopping = new AbortController();
  const { signal } = stopping;

  async function run(): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await talk(() => {
          attempt = 0;
        });
      } catch (error) {
        if (attempt > 0 && !signal.aborted)
          log.warn("the agent's stream to istiod broke off; trying again", { attempt, error });
      }
      await sleep(backoffMs(attempt, firstRetryMs, lastRetryMs), undefined, { signal }).catch(() => undefined);
    }
  }

  async function talk(onResponse: () => void): Promise<void> {
    const stream = await istiod.open(path);
    const abort = (): void => void stream.destroy();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    await new Promise<void>((resolve, reject) => {
      const frames = new FrameSplitter(maxResponse);
      const send = (message: Uint8Array): void => {
        stream.write(frameHeader(message.length));
        stream.write(message);
      };
      stream.on("error", reject);
      stream.once("close", () => {
        sendNow = undefined;
        signal.removeEventListener("abort", abort);
        resolve();
      });
      stream.once("trailers", (trailers) => {
        if (trailers["grpc-status"] !== "0")
          reject(new Error(`${trailers["grpc-status"]} ${trailers["grpc-message"]}`));
      });
      stream.on("data", (chunk: Buffer) => {
        try {
          for (const frame of frames.push(chunk)) {
            send(react(frame));
            onResponse();
          }
        } catch (error) {
          stream.destroy(error as Error);
        }
      });
      for (const typeUrl of takers.keys())
        send(new WireWriter().message(2, encodeNode(node)).string(4, typeUrl).finish());
      for (const [typeUrl, problem] of reports) send(encodeReport(typeUrl, problem));
      sendNow = send;
    });
  }

  /** The answer to a DiscoveryResponse. */
  function react(frame: Uint8Array): Uint8Array {
    const { version, nonce, typeUrl, resource } = decodeResponse(frame);
    const answer = new WireWriter().string(1, version).string(4, typeUrl).string(5, nonce);
    try {
      if (resource !== undefined) takers.get(typeUrl)?.(resource);
    } catch (error) {
      log.error("what istiod tells the agent can't be used", { typeUrl, error });
      answer.message(6, new WireWriter().varint(1, 13).string(2, String(error)));
    }
    return answer.finish();
  }

  /** Istio: HealthInformation is a request with, or without, an error. */
  function encodeReport(typeUrl: string, problem: string | undefined): Uint8Array {
    const request = new WireWriter().message(2, encodeNode(node)).string(4, typeUrl);
    if (problem !== undefined) request.message(6, new WireWriter().varint(1, 500).string(2, problem));
    return request.finish();
  }

  return {
    report(typeUrl, problem) {
      reports.set(typeUrl, problem);
      sendNow?.(encodeReport(typeUrl, problem));
    },
    follow: (typeUrl, take) => void takers.set(typeUrl, take),
    start: () => void run(),
    stop: () => stopping.abort(),
  };
}

interface Response {
  readonly version: string;
  readonly nonce: string;
  readonly typeUrl: string;
  readonly resource: Uint8Array | undefined;
}

function decodeResponse(bytes: Uint8Array): Response {
  const reader = new WireReader(bytes);
  let version = "";
  let nonce = "";
  let typeUrl = "";
  let resource: Uint8Array | undefined;
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) version = reader.string();
    else if (tag.field === 2) resource ??= anyValue(reader.bytes());
    else if (tag.field === 4) typeUrl = reader.string();
    else if (tag.field === 5) nonce = reader.string();
    else reader.skip(tag.type);
  }
  return { version, nonce, typeUrl, resource };
}

/** What an `Any` holds. */
function anyValue(bytes: Uint8Array): Uint8Array {
  const reader = new WireReader(bytes);
  let value = new Uint8Array();
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 2) value = Uint8Array.from(reader.bytes());
    else reader.skip(tag.type);
  }
  return value;
}
