import type { Readable } from "node:stream";
import type { ExecOptions } from "../../pod-streams.ts";

type Listener = Parameters<NonNullable<ExecOptions["onResize"]>>[0];

/** A terminal's sizes as kubectl sends them, one JSON object after another; undefined for anything else. */
export function parseSize(text: string): { width: number; height: number } | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    if (isSize(Width) && isSize(Height)) return { width: Width, height: Height };
  } catch {
    // Not a size.
  }
  return undefined;
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

/** A resize stream may hold back so much of an unfinished object (characters). */
const maxUnfinished = 1024;

/** Keeps the latest size for a listener that comes later. */
export function createResizes(): {
  readonly push: (size: { width: number; height: number }) => void;
  readonly onResize: NonNullable<ExecOptions["onResize"]>;
} {
  const listeners: Listener[] = [];
  let latest: { width: number; height: number } | undefined;
  return {
    push(size) {
      latest = size;
      for (const listener of listeners) listener(size);
    },
    onResize(listener) {
      listeners.push(listener);
      if (latest) listener(latest);
    },
  };
}

/** Sizes from a stream of JSON objects. */
export function sizesFrom(stream: Readable): NonNullable<ExecOptions["onResize"]> {
  const { push, onResize } = createResizes();
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    rest += chunk.toString("utf8");
    for (let end = rest.indexOf("}"); end >= 0; end = rest.indexOf("}")) {
      const size = parseSize(rest.slice(0, end + 1));
      if (size) push(size);
      rest = rest.slice(end + 1);
    }
    if (rest.length > maxUnfinished) rest = "";
  });
  return onResize;
}
