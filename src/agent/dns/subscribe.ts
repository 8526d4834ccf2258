import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { FrameSplitter, frameHeader } from "#xds/grpc-frame.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import { backoffMs } from "../backoff.ts";
import { callHeaders, connectTo, discoveryServer } from "../istiod-connection.ts";
import type { XdsNode } from "../node.ts";
import type { AgentSettings } from "../settings.ts";

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/** A response may not be longer than this (bytes). */
const maxResponse = 64 * 1024 * 1024;
const firstRetryMs = 500;
const lastRetryMs = 15_000;

export interface Subscription {
  stop(): void;
}

/**
 * Follows the one resource of a type over a stream of the agent's own, for as long as the agent runs. A response that `take`
 * throws for is refused, and what was taken last stays in effect.
 */
export function subscribe(
  settings: AgentSettings,
  node: XdsNode,
  typeUrl: string,
  log: Log,
  take: (resource: Uint8Array) => void,
): Subscription {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function run(): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await follow(() => {
          attempt = 0;
        });
      } catch (error) {
        if (attempt > 0) log.warn("istiod doesn't tell its names; trying again", { attempt, error });
      }
      await sleep(backoffMs(attempt, firstRetryMs, lastRetryMs), undefined, { signal }).catch(() => undefined);
    }
  }

  async function follow(onResponse: () => void): Promise<void> {
    const session = await connectTo(discoveryServer(settings));
    const abort = (): void => session.destroy();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await new Promise<void>((resolve, reject) => {
        session.on("error", reject);
        const stream = session.request(callHeaders(settings, path));
        const frames = new FrameSplitter(maxResponse);
        const send = (message: Uint8Array): void => {
          stream.write(frameHeader(message.length));
          stream.write(message);
        };
        stream.on("error", reject);
        stream.once("close", resolve);
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
        send(new WireWriter().message(2, encodeNode(node)).string(4, typeUrl).finish());
      });
    } finally {
      signal.removeEventListener("abort", abort);
      session.destroy();
    }
  }

  /** The answer to a DiscoveryResponse. */
  function react(frame: Uint8Array): Uint8Array {
    const { version, nonce, resource } = decodeResponse(frame);
    const answer = new WireWriter().string(1, version).string(4, typeUrl).string(5, nonce);
    try {
      if (resource !== undefined) take(resource);
    } catch (error) {
      log.error("istiod's names can't be read", { error });
      answer.message(6, new WireWriter().varint(1, 13).string(2, String(error)));
    }
    return answer.finish();
  }

  void run();
  return { stop: () => stopping.abort() };
}

function decodeResponse(bytes: Uint8Array): { version: string; nonce: string; resource: Uint8Array | undefined } {
  const reader = new WireReader(bytes);
  let version = "";
  let nonce = "";
  let resource: Uint8Array | undefined;
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) version = reader.string();
    else if (tag.field === 2) resource ??= anyValue(reader.bytes());
    else if (tag.field === 5) nonce = reader.string();
    else reader.skip(tag.type);
  }
  return { version, nonce, resource };
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

function encodeNode({ id, cluster, metadata, locality }: XdsNode): WireWriter {
  const { region = "", zone = "", sub_zone: subZone = "" } = locality;
  return new WireWriter()
    .string(1, id)
    .string(2, cluster)
    .message(3, encodeStruct(metadata))
    .message(4, new WireWriter().string(1, region).string(2, zone).string(3, subZone));
}

/** A `google.protobuf.Struct`. */
function encodeStruct(fields: Readonly<Record<string, unknown>>): WireWriter {
  const struct = new WireWriter();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) struct.message(1, new WireWriter().string(1, key).message(2, encodeValue(value)));
  }
  return struct;
}

function encodeValue(value: unknown): WireWriter {
  const writer = new WireWriter();
  if (typeof value === "string") return writer.bytes(3, Buffer.from(value, "utf8"));
  if (typeof value === "boolean") return writer.encoded([Uint8Array.from([4 * 8, Number(value)])]);
  if (typeof value === "number") {
    const bits = Buffer.alloc(8);
    bits.writeDoubleLE(value);
    return writer.encoded([Uint8Array.from([2 * 8 + 1]), bits]);
  }
  if (Array.isArray(value)) {
    const list = new WireWriter();
    for (const item of value) list.message(1, encodeValue(item));
    return writer.message(6, list);
  }
  if (typeof value === "object" && value !== null) {
    return writer.message(5, encodeStruct(value as Readonly<Record<string, unknown>>));
  }
  // Null, as number 0 of its one-value enumeration.
  return writer.encoded([Uint8Array.from([1 * 8, 0])]);
}
