import { writeSync } from "node:fs";
import type { Log } from "#log/log.ts";

const levels = { debug: 0, info: 1, warn: 2, error: 3, none: 4 } as const;
type Level = keyof typeof levels;

/**
 * The agent's log: as `createLog`'s, without its library, which every pod would pay for. Lines are
 * `TIME<tab>level<tab>message<tab>field=value`, beside Envoy's of the same form, or JSON.
 */
export function createAgentLog(options: { level: string; json: boolean }, bound: object = {}): Log {
  const threshold = levels[options.level as Level] ?? levels.info;
  const write = (level: Level, message: string, fields: object = {}): void => {
    if (levels[level] < threshold) return;
    const time = new Date().toISOString();
    const all = { ...bound, ...fields };
    const line = options.json
      ? JSON.stringify({ time, level, scope: "agent", message, ...all }, errorText)
      : [time, level, message, ...Object.entries(all).map(([key, value]) => `${key}=${text(value)}`)].join("\t");
    try {
      writeSync(2, `${line}\n`);
    } catch {
      // nobody reads the log any more (EPIPE), or not fast enough (EAGAIN): no reason to die
    }
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    with: (fields) => createAgentLog(options, { ...bound, ...fields }),
  };
}

/** `default:info` or `info`, as in `--log_output_level=default:info,xdsproxy:debug`. */
export function logLevel(flag: string | undefined): string {
  const scoped = (flag ?? "").split(",").map((item) => item.split(":"));
  const level = scoped.find(([scope]) => scope === "default" || scope === "all")?.[1] ?? scoped[0]?.[0];
  return level !== undefined && level in levels ? level : "info";
}

function errorText(_: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

function text(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === "string" && /^[\w./:~@+-]+$/.test(value) ? value : (JSON.stringify(value) ?? "undefined");
}
