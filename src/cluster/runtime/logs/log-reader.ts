import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import type { LogOptions } from "../../pod-streams.ts";
import { type LogEntry, parseEntry } from "./log-format.ts";
import type { LogWriter } from "./log-writer.ts";

/** One run of a container: its file, and its writer while it runs. */
export interface LogSource {
  readonly path: string;
  readonly writer?: LogWriter;
}

const chunkSize = 64 * 1024;
/** How far back the end of a log is searched for `tailLines` in one step (bytes). */
const tailStep = 256 * 1024;

/** A log as the program wrote it; follows the run's writer to its end when `options.follow` says so. */
export function readLog(source: LogSource, options: LogOptions): Readable {
  return Readable.from(render(source, options), { objectMode: false });
}

async function* render(source: LogSource, options: LogOptions): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let isLineStart = true;
  for await (const entry of selectedEntries(source, options)) {
    const lead = options.timestamps && isLineStart ? `${entry.time} ` : "";
    const text = Buffer.from(`${lead}${entry.text}${entry.isWhole ? "\n" : ""}`);
    isLineStart = entry.isWhole;
    yield text.length > left ? text.subarray(0, left) : text;
    left -= text.length;
    if (left <= 0) return;
  }
}

async function* selectedEntries(source: LogSource, options: LogOptions): AsyncGenerator<LogEntry> {
  const since = options.sinceTime?.toISOString().slice(0, -1);
  const isWanted = (entry: LogEntry): boolean => since === undefined || entry.time.slice(0, since.length) >= since;
  const file = await open(source.path).catch(() => undefined);
  const start = options.tailLines === undefined ? 0 : await tailStart(file, options.tailLines);
  // Where the current file is too short for the wanted lines, the one before helps out.
  if (start <= 0 && options.tailLines !== 0) {
    const older = await open(`${source.path}.1`).catch(() => undefined);
    const from = options.tailLines === undefined ? 0 : await tailStart(older, options.tailLines + start);
    for await (const entry of entriesOf({ path: source.path }, older, Math.max(0, from), options.signal))
      if (isWanted(entry)) yield entry;
  }
  const following = options.follow ? source : { path: source.path };
  for await (const entry of entriesOf(following, file, Math.max(0, start), options.signal))
    if (isWanted(entry)) yield entry;
}

/** Reads from `position` to the end and, while the source has a writer, on as the file grows and is rotated. */
async function* entriesOf(
  source: LogSource,
  first: FileHandle | undefined,
  position: number,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  let file = first;
  let at = position;
  let rest: Buffer = Buffer.alloc(0);
  const buffer = Buffer.alloc(chunkSize);
  try {
    while (file && !signal.aborted) {
      // Asked before the read: what is written between the two is then seen by the next read.
      const isLast = source.writer === undefined || source.writer.isClosed;
      const generation = source.writer?.generation ?? 0;
      const { bytesRead } = await file.read(buffer, 0, chunkSize, at);
      if (bytesRead > 0) {
        at += bytesRead;
        const data = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const end = data.lastIndexOf(10) + 1;
        rest = Buffer.from(data.subarray(end));
        for (const line of data.toString("utf8", 0, end).split("\n")) {
          const entry = parseEntry(line);
          if (entry) yield entry;
        }
        continue;
      }
      const next = source.writer && (await successor(source.path, file));
      if (next) {
        await file.close();
        file = next;
        at = 0;
      } else if (isLast) return;
      else if (source.writer) await growth(source.writer, generation, signal);
    }
  } finally {
    await file?.close();
  }
}

/** The file that has taken the place of this one, if it was rotated. */
async function successor(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const next = await open(path).catch(() => undefined);
  if (!next || (await next.stat()).ino !== (await file.stat()).ino) return next;
  await next.close();
  return undefined;
}

/** Resolves when the log has grown past `generation`, was closed, or the reader went away. */
async function growth(writer: LogWriter, generation: number, signal: AbortSignal): Promise<void> {
  if (writer.isClosed || writer.generation !== generation) return;
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  try {
    await Promise.race([
      once(writer.events, "grown", { signal: either }),
      once(writer.events, "closed", { signal: either }),
    ]);
  } catch {
    // The reader went away.
  } finally {
    done.abort();
  }
}

/** Where the last `lines` lines start; when there are fewer, minus the number of those there are. */
async function tailStart(file: FileHandle | undefined, lines: number): Promise<number> {
  if (!file) return 0;
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let found = 0;
  for (let end = size; end > 0; end -= tailStep) {
    const from = Math.max(0, end - tailStep);
    const buffer = Buffer.alloc(end - from);
    await file.read(buffer, 0, buffer.length, from);
    for (let index = buffer.length - 1; index >= 0; index -= 1) {
      // The newline at the very end closes the last line.
      if (buffer[index] !== 10 || from + index === size - 1) continue;
      found += 1;
      if (found === lines) return from + index + 1;
    }
  }
  return size === 0 ? 0 : -(found + 1);
}
