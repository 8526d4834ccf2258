import type { Log } from "#log/log.ts";

interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** For tests: a log that keeps its lines. */
export interface RecordedLog {
  readonly log: Log;
  /** The lines since the last {@link clear} as text, as an operator would search it. */
  text(): string;
  clear(): void;
}

export function recordLog(): RecordedLog {
  const lines: LogLine[] = [];
  const at = (context: object): Log => {
    const writer =
      (level: LogLine["level"]) =>
      (message: string, fields: object = {}): void =>
        void lines.push({ level, message, fields: { ...context, ...fields } });
    return {
      debug: writer("debug"),
      info: writer("info"),
      warn: writer("warn"),
      error: writer("error"),
      with: (fields) => at({ ...context, ...fields }),
    };
  };
  return {
    log: at({}),
    clear: () => void lines.splice(0),
    text: () =>
      lines.map(({ level, message, fields }) => `${level} ${message} ${JSON.stringify(fields, plain)}`).join("\n"),
  };
}

/** Errors have no fields of their own that JSON would show. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
