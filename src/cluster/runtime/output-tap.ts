import type { Readable } from "node:stream";

/** A container's output for those who attach. */
export interface OutputTap {
  /** Gives what comes from now on, led by what a container that has only just started has written already. Returns what ends it. */
  follow(listener: (chunk: Buffer) => void): () => void;
}

/** `kubectl run -i` attaches when it has heard that the container runs: a short program has then said all it had to say. */
const early = { time: 3_000, bytes: 64 * 1024 };

export function createOutputTap(stream: Readable): OutputTap {
  let kept: Buffer[] = [];
  let size = 0;
  const keep = (chunk: Buffer): void => {
    size += chunk.length;
    if (size <= early.bytes) kept.push(chunk);
  };
  stream.on("data", keep);
  const timer = setTimeout(() => {
    stream.off("data", keep);
    kept = [];
  }, early.time);
  timer.unref();
  return {
    follow(listener) {
      for (const chunk of kept) listener(chunk);
      stream.on("data", listener);
      return () => void stream.off("data", listener);
    },
  };
}
