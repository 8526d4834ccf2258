import { EventEmitter } from "node:events";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { createClock, formatEntry, type LogEntry } from "./log-format.ts";

/** A source of output that can be held back. */
interface PausableStream {
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** The log of one run of a container. Emits `grown` after bytes reached the file and `closed` when nothing more will come. */
export interface LogWriter {
  readonly path: string;
  readonly events: EventEmitter<{ grown: []; closed: [] }>;
  readonly isClosed: boolean;
  /** How often the file has grown. */
  readonly generation: number;
  collect(stream: PausableStream, name: LogEntry["stream"]): void;
  /** Writes what is left and closes the file. */
  close(): Promise<void>;
}

/** A program's line longer than this is stored in parts (bytes, as containerd does). */
const longestPart = 16 * 1024;
/** So much may wait for the disk before the program is held back (characters). */
const pendingLimit = 1024 * 1024;
/** A log file longer than this (bytes) becomes `….1`, which is then all that is kept besides. */
const rotateAt = 10 * 1024 * 1024;

export async function openLogWriter(path: string): Promise<LogWriter> {
  await mkdir(dirname(path), { recursive: true });
  let file: FileHandle = await open(path, "a");
  let size = (await file.stat()).size;
  let pending = "";
  let writing: Promise<void> | undefined;
  let isClosed = false;
  let generation = 0;
  const held = new Set<PausableStream>();
  const events = new EventEmitter<{ grown: []; closed: [] }>().setMaxListeners(0);
  const now = createClock();

  async function drain(): Promise<void> {
    while (pending !== "") {
      const batch = pending;
      pending = "";
      if (size > rotateAt) {
        await file.close();
        await rename(path, `${path}.1`);
        file = await open(path, "a");
        size = 0;
      }
      size += (await file.write(batch)).bytesWritten;
      for (const stream of held) stream.resume();
      held.clear();
      generation += 1;
      events.emit("grown");
    }
    writing = undefined;
  }

  function put(entry: LogEntry): void {
    pending += formatEntry(entry);
    // A full disk loses lines, not the container.
    writing ??= drain().catch(() => {
      pending = "";
      writing = undefined;
      for (const stream of held) stream.resume();
      held.clear();
    });
  }

  return {
    path,
    events,
    get isClosed() {
      return isClosed;
    },
    get generation() {
      return generation;
    },
    collect(stream, name) {
      const decoder = new StringDecoder("utf8");
      let rest = "";
      const take = (text: string): void => {
        rest += text;
        const lines = rest.split("\n");
        rest = lines.pop() ?? "";
        const time = now();
        for (const line of lines) put({ time, stream: name, isWhole: true, text: line });
        for (; rest.length > longestPart; rest = rest.slice(longestPart))
          put({ time, stream: name, isWhole: false, text: rest.slice(0, longestPart) });
      };
      stream.on("data", (chunk) => {
        take(decoder.write(chunk));
        if (pending.length > pendingLimit) {
          held.add(stream);
          stream.pause();
        }
      });
      stream.on("end", () => {
        take(decoder.end());
        if (rest !== "") put({ time: now(), stream: name, isWhole: false, text: rest });
        rest = "";
      });
    },
    async close() {
      if (isClosed) return;
      await writing;
      isClosed = true;
      await file.close();
      events.emit("closed");
    },
  };
}
