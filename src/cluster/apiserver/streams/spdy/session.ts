import type { Duplex } from "node:stream";
import {
  type ControlFrame,
  controlFrame,
  dataHead,
  type Frame,
  FrameReader,
  flagFin,
  frameType,
  words,
} from "./frame.ts";
import { createHeaderCodec } from "./header-block.ts";
import { SpdyStream } from "./stream.ts";

export interface SpdySession {
  /** Ends the transport once what was written has gone; what the peer still sends is dropped. */
  close(): void;
  /** Settles when the transport is closed. */
  readonly closed: Promise<void>;
}

/** Received and not yet read by anyone, of all streams together (bytes); then the transport is not read on. */
const maxBuffered = 1024 * 1024;
const maxStreams = 1000;
/** A peer that asks for so much and reads nothing is cut off (bytes waiting to be sent). */
const maxUnsent = 16 * 1024 * 1024;
/** Longest data frame we send (bytes). */
const maxData = 32 * 1024;
/** A peer that does not close after we did is cut off (ms). */
const lingerTime = 5_000;
/** SPDY's initial window (bytes). */
const initialWindow = 64 * 1024;
/** While nothing is read, so often something is written (ms). */
const pingInterval = 10_000;
const statusCode = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

/**
 * The server's side of SPDY/3.1 on any byte stream: the peer opens streams, `onStream` gets each after it was accepted.
 * Flow control by windows starts when the peer shows that it knows it (Go's spdystream does not); memory is bounded by not
 * reading the transport on.
 */
export function serveSpdy(transport: Duplex, onStream: (stream: SpdyStream) => void): SpdySession {
  const streams = new Map<number, SpdyStream>();
  const headers = createHeaderCodec();
  const windows = new Map<number, { left: number; waiting: (() => void)[] }>();
  let hasWindows = false;
  let closing = false;
  let wakeReader: (() => void) | undefined;

  const write = (bytes: Buffer, done: (error?: Error | null) => void = () => {}): void => {
    if (transport.destroyed || transport.writableEnded) done(new Error("the SPDY connection is closed"));
    else if (transport.writableLength > maxUnsent) transport.destroy();
    else if (transport.write(bytes)) done();
    else transport.once("drain", done);
  };
  transport.setMaxListeners(0);
  transport.on("error", () => {});
  const closed = new Promise<void>((resolve) => transport.once("close", resolve));
  transport.once("close", () => {
    for (const stream of streams.values()) stream.abandon();
    headers.close();
    for (const { waiting } of windows.values()) for (const go of waiting) go();
    wakeReader?.();
    // Writers that wait for room learn that there will be none.
    transport.emit("drain");
  });

  const windowOf = (id: number): { left: number; waiting: (() => void)[] } => {
    const known = windows.get(id);
    if (known) return known;
    const window = { left: initialWindow, waiting: [] };
    windows.set(id, window);
    return window;
  };

  const send = (id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void => {
    const window = hasWindows ? windowOf(id) : undefined;
    const room = Math.min(maxData, window?.left ?? maxData);
    if (room <= 0 && data.length > 0 && !transport.destroyed) {
      window?.waiting.push(() => send(id, data, fin, done));
      return;
    }
    const part = data.subarray(0, room);
    const rest = data.subarray(part.length);
    if (window) window.left -= part.length;
    const isLast = rest.length === 0;
    write(Buffer.concat([dataHead(id, part.length, fin && isLast), part]), (error) => {
      if (error || isLast) done(error);
      else send(id, rest, fin, done);
    });
  };

  const openStream = async ({ body, flags }: ControlFrame): Promise<void> => {
    if (body.length < 10) throw new Error("a SYN_STREAM frame is too short");
    const id = body.readUInt32BE(0) & 0x7fffffff;
    const fields = await headers.unpack(body.subarray(10));
    if (closing) return;
    if (id % 2 === 0 || streams.has(id)) {
      write(controlFrame(frameType.rstStream, 0, words(id, statusCode.protocolError)));
      return;
    }
    if (streams.size >= maxStreams) {
      write(controlFrame(frameType.rstStream, 0, words(id, statusCode.refusedStream)));
      return;
    }
    const stream = new SpdyStream(id, fields, {
      send: (data, fin, done) => send(id, data, fin, done),
      reset: () => write(controlFrame(frameType.rstStream, 0, words(id, statusCode.cancel))),
      wake: () => wakeReader?.(),
      gone() {
        streams.delete(id);
        for (const go of windows.get(id)?.waiting ?? []) go();
        windows.delete(id);
        wakeReader?.();
      },
    });
    streams.set(id, stream);
    write(controlFrame(frameType.synReply, 0, Buffer.concat([words(id), await headers.pack(new Map())])));
    if (flags & flagFin) stream.receive(Buffer.alloc(0), true);
    onStream(stream);
  };

  const handle = async (frame: Frame): Promise<void> => {
    if (!frame.control) {
      const stream = streams.get(frame.streamId);
      stream?.receive(frame.data, frame.fin);
      if (hasWindows && frame.data.length > 0)
        for (const id of stream ? [0, frame.streamId] : [0])
          write(controlFrame(frameType.windowUpdate, 0, words(id, frame.data.length)));
      return;
    }
    const { type, body } = frame;
    if (type === frameType.synStream) return openStream(frame);
    if (type === frameType.headers && body.length >= 4) await headers.unpack(body.subarray(4));
    else if (type === frameType.rstStream && body.length >= 4)
      streams.get(body.readUInt32BE(0) & 0x7fffffff)?.abandon();
    else if (type === frameType.ping && body.length >= 4) {
      // Odd numbers are the client's own; even ones would answer ours.
      if (body.readUInt32BE(0) % 2 === 1) write(controlFrame(frameType.ping, 0, body.subarray(0, 4)));
    } else if (type === frameType.windowUpdate && body.length >= 8) {
      hasWindows = true;
      const id = body.readUInt32BE(0) & 0x7fffffff;
      if (id === 0 || !streams.has(id)) return;
      const window = windowOf(id);
      window.left += body.readUInt32BE(4) & 0x7fffffff;
      for (const go of window.waiting.splice(0)) go();
    }
  };

  const buffered = (): number => {
    let sum = 0;
    for (const stream of streams.values()) sum += stream.readableLength;
    return sum;
  };

  const mustWait = (): boolean => !closing && !transport.destroyed && buffered() > maxBuffered;

  const read = async (): Promise<void> => {
    const reader = new FrameReader();
    for await (const chunk of transport) {
      if (closing) continue;
      for (const frame of reader.push(chunk as Buffer)) await handle(frame);
      while (mustWait()) {
        // A peer that is gone while nothing is read shows when something is written.
        const ping = setInterval(() => write(controlFrame(frameType.ping, 0, words(2))), pingInterval);
        await new Promise<void>((resolve) => (wakeReader = resolve));
        clearInterval(ping);
      }
    }
  };

  const close = (): void => {
    if (closing) return;
    closing = true;
    wakeReader?.();
    transport.end();
    setTimeout(() => transport.destroy(), lingerTime).unref();
  };

  read().then(
    // The peer has no more to say: it can't open streams, and its half-closed ones end.
    () => transport.destroy(),
    () => transport.destroy(),
  );
  return { close, closed };
}
