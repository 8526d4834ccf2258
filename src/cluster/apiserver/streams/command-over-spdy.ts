import type { Duplex } from "node:stream";
import type { PodStreams } from "../../pod-streams.ts";
import { type CommandStatus, type CommandTarget, runCommand } from "./remote-command.ts";
import { sizesFrom } from "./resize.ts";
import { serveSpdy } from "./spdy/session.ts";
import type { SpdyStream } from "./spdy/stream.ts";

/** Protocols of exec and attach over SPDY, best first. From v4 on the error stream carries a Status, before that text. */
export const spdyCommandProtocols: readonly string[] = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];

/** How long the client may take to open its streams (ms; Kubernetes: `DefaultStreamCreationTimeout`). */
const openTime = 30_000;

/** Serves one command on an upgraded connection: waits for the client's streams, runs it, reports how it ended. */
export function commandOverSpdy(transport: Duplex, protocol: string, target: CommandTarget, streams: PodStreams): void {
  const hasResize = target.tty && !["v2.channel.k8s.io", "channel.k8s.io"].includes(protocol);
  const wanted = new Set([
    "error",
    ...(target.stdin ? ["stdin"] : []),
    ...(target.stdout ? ["stdout"] : []),
    ...(target.stderr && !target.tty ? ["stderr"] : []),
    ...(hasResize ? ["resize"] : []),
  ]);
  const opened = new Map<string, SpdyStream>();
  const gone = new AbortController();
  const session = serveSpdy(transport, (stream) => {
    const type = stream.headers.get("streamtype") ?? "";
    if (!wanted.has(type) || opened.has(type)) {
      stream.destroy();
      return;
    }
    opened.set(type, stream);
    if (opened.size === wanted.size) start();
  });
  const late = setTimeout(() => session.close(), openTime).unref();
  void session.closed.then(() => {
    clearTimeout(late);
    gone.abort();
  });

  const start = (): void => {
    clearTimeout(late);
    const [stdin, stdout, stderr, resize] = ["stdin", "stdout", "stderr", "resize"].map((type) => opened.get(type));
    // The client ends the output streams it only reads from; what comes on them is nobody's.
    for (const output of [stdout, stderr, opened.get("error")]) output?.resume();
    void runCommand(target, streams, {
      ...(stdin ? { stdin } : {}),
      ...(stdout ? { stdout } : {}),
      ...(stderr ? { stderr } : {}),
      ...(resize ? { onResize: sizesFrom(resize) } : {}),
      signal: gone.signal,
      finish(outcome) {
        const error = opened.get("error");
        if (!error || error.destroyed) session.close();
        else error.end(errorText(outcome, protocol), () => session.close());
      },
    });
  };
}

function errorText(outcome: CommandStatus, protocol: string): string {
  if (protocol === "v5.channel.k8s.io" || protocol === "v4.channel.k8s.io") return JSON.stringify(outcome);
  return outcome.status === "Success" ? "" : (outcome.message ?? "the command failed");
}
