import type { Writable } from "node:stream";
import type { ExecOptions, ExitStatus } from "../pod-streams.ts";
import type { OutputTap } from "./output-tap.ts";
import type { ContainerRunHandle } from "./pod/container-run.ts";

/** Connects a caller to a container's own process until that ends or the caller goes. */
export async function attachToContainer(
  handle: ContainerRunHandle,
  options: Omit<ExecOptions, "command">,
): Promise<ExitStatus> {
  const stops: (() => void)[] = [];
  const { stdout, stderr } = handle.output;
  if (stdout && options.stdout) stops.push(copy(stdout, options.stdout));
  if (stderr && options.stderr) stops.push(copy(stderr, options.stderr));
  const input = handle.process.stdin;
  if (options.stdin && input) {
    // The container's input stays open for whoever attaches next.
    options.stdin.pipe(input, { end: false });
    stops.push(() => options.stdin?.unpipe(input));
  }
  if (handle.process.resize) options.onResize?.(handle.process.resize);
  const left = Promise.withResolvers<{ exitCode: number }>();
  const leave = (): void => left.resolve({ exitCode: 0 });
  options.signal.addEventListener("abort", leave, { once: true });
  try {
    const { exitCode } = await Promise.race([handle.process.ended, left.promise]);
    return { exitCode };
  } finally {
    options.signal.removeEventListener("abort", leave);
    for (const stop of stops) stop();
  }
}

/** A slow or vanished reader isn't waited for: the container's log has everything anyway. */
function copy(from: OutputTap, to: Writable): () => void {
  const stop = from.follow((chunk) => {
    if (to.writable && !to.writableNeedDrain) to.write(chunk);
  });
  to.on("error", stop);
  return stop;
}
