import { open } from "node:fs/promises";
import type { Container } from "kubernetes-types/core/v1.d.ts";
import { readLog } from "../logs/log-reader.ts";

/** Kubernetes: the longest message (bytes), and what a failed container's log gives in its place. */
const longest = 4096;
const fromLog = { lines: 80, bytes: 2048 };

/** What a container that has ended left as its message: in its file, or, where it wants so and failed, the end of its log. */
export async function terminationMessage(
  container: Container,
  exitCode: number,
  file: string,
  log: string,
): Promise<string> {
  const written = await head(file);
  if (written !== "" || exitCode === 0 || container.terminationMessagePolicy !== "FallbackToLogsOnError")
    return written;
  const signal = new AbortController().signal;
  const options = { follow: false, previous: false, timestamps: false, tailLines: fromLog.lines, signal };
  const lines = (await readLog({ path: log }, options).toArray()) as Buffer[];
  return Buffer.concat(lines).subarray(-fromLog.bytes).toString("utf8");
}

async function head(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return "";
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(longest), 0, longest, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
