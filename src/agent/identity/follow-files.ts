import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import type { Log } from "#log/log.ts";

const maxFileBytes = 1024 * 1024;

interface Following {
  /** For the log. */
  readonly what: string;
  readonly everyMs: number;
  /** Uses what is in the files now. What it throws for is logged and tried again. */
  readonly take: () => void;
  readonly onFailure: () => void;
  readonly log: Log;
}

/**
 * Takes what is in files at once and whenever one of them has become another. A look now and then tells: mounted volumes are swapped by
 * links, and a node with many pods has few watches for each. Returns what ends it.
 */
export function followFiles(paths: readonly string[], { what, everyMs, take, onFailure, log }: Following): () => void {
  let taken: string | undefined;
  let complaint: string | undefined;
  const look = (): void => {
    const now = paths.map(fingerprint).join("\n");
    if (now === taken) return;
    try {
      take();
      if (now.trim() !== "") log.info("read from files", { what });
      taken = now;
      complaint = undefined;
    } catch (error) {
      onFailure();
      // Of what goes on being wrong, one line is enough.
      if ((error as Error).message !== complaint)
        log.error("files can't be used; what was read last counts", { what, error });
      complaint = (error as Error).message;
    }
  };
  look();
  const timer = setInterval(look, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function fingerprint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "" : `${found.ino} ${found.mtimeMs} ${found.size}`;
}

/** Throws for what isn't a file of sensible length. */
export function readBounded(path: string): string {
  const file = openSync(path, "r");
  try {
    const found = fstatSync(file);
    if (!found.isFile() || found.size > maxFileBytes)
      throw new Error(`${path}: not a file of at most ${maxFileBytes} bytes`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}
