import { readFileSync } from "node:fs";
import { UsageError } from "./usage-error.ts";

/** The text of a file that the user names; `-` is standard input. Throws {@link UsageError} when it can't be read. */
export function readUserFile(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (cause) {
    throw new UsageError(`${path}: can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
