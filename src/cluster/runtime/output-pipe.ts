import { chmodSync, constants, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { runProgram } from "./program.ts";

/** A pipe of the kernel's: what is written to `writer` can be read from `reader`. */
export interface OutputPipe {
  readonly reader: Socket;
  /** A file descriptor to hand to a process and then to close: `reader` ends when nobody can write any more. */
  readonly writer: number;
}

/**
 * Pipes for a container's output. Node's own are sockets, and those can't be opened again: `/dev/stdout`, where Envoy
 * writes its access log, wouldn't work. Whoever the container runs as may open these.
 */
export async function openOutputPipes(
  directory: string,
  names: readonly [string, string],
): Promise<readonly [OutputPipe, OutputPipe]> {
  const [first, second] = names.map((name) => join(directory, name)) as [string, string];
  for (const path of [first, second]) rmSync(path, { force: true });
  await runProgram("mkfifo", [first, second]);
  return [openPipe(first), openPipe(second)];
}

function openPipe(path: string): OutputPipe {
  chmodSync(path, 0o666);
  // Reading doesn't wait for a writer, who then doesn't wait for a reader either.
  const reader = new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  const writer = openSync(path, constants.O_WRONLY);
  rmSync(path);
  return { reader, writer };
}
