/** One line of a stored log in the format that the container runtimes of Kubernetes share (CRI): `TIME STREAM TAG TEXT`. */
export interface LogEntry {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** False when the program's line goes on in the next entry of the same stream. */
  readonly isWhole: boolean;
  readonly text: string;
}

export function formatEntry(entry: LogEntry): string {
  return `${entry.time} ${entry.stream} ${entry.isWhole ? "F" : "P"} ${entry.text}\n`;
}

/** Undefined when the line isn't a log entry, as after a crash in the middle of a write. */
export function parseEntry(line: string): LogEntry | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP]) (.*)$/s.exec(line);
  if (!match) return undefined;
  const [, time = "", stream, tag, text = ""] = match;
  return { time, stream: stream as LogEntry["stream"], isWhole: tag === "F", text };
}

/** RFC 3339 with nanoseconds, UTC. Times that are taken one after the other come out in that order. */
export function createClock(): () => string {
  let lastMs = 0;
  let count = 0;
  return () => {
    const ms = Math.max(Date.now(), lastMs);
    count = ms === lastMs ? Math.min(count + 1, 999_999) : 0;
    lastMs = ms;
    return `${new Date(ms).toISOString().slice(0, -1)}${String(count).padStart(6, "0")}Z`;
  };
}
