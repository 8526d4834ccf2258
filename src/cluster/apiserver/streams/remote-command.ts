import type { Readable, Writable } from "node:stream";
import { createLog } from "#log/log.ts";
import { type ContainerRef, type ExecOptions, PodStreamError, type PodStreams } from "../../pod-streams.ts";

/** A command to run in a container, or the container's own process. */
export interface CommandTarget {
  readonly kind: "exec" | "attach";
  readonly container: ContainerRef;
  /** Empty for `attach`. */
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** The client's end of a command, whatever protocol carries it. */
export interface CommandChannels {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly onResize?: ExecOptions["onResize"];
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Sends the outcome after everything written to stdout and stderr, then closes. */
  finish(outcome: CommandStatus): void;
}

/** The `Status` on the error channel (Kubernetes: `remotecommand` v4). */
export interface CommandStatus {
  readonly metadata: object;
  readonly status: "Success" | "Failure";
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes: readonly { readonly reason?: string; readonly message: string }[] };
  readonly code?: number;
}

const log = createLog("streams");
/** How long a client may leave the last output unread after the command ended (ms). */
const flushTime = 60_000;

export async function runCommand(target: CommandTarget, streams: PodStreams, channels: CommandChannels): Promise<void> {
  const { stdin, stdout, stderr, onResize, signal } = channels;
  const options = {
    tty: target.tty,
    signal,
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    ...(onResize ? { onResize } : {}),
  };
  let outcome: CommandStatus;
  try {
    const { exitCode } =
      target.kind === "exec"
        ? await streams.exec(target.container, { ...options, command: target.command })
        : await streams.attach(target.container, options);
    outcome = exitStatus(exitCode);
  } catch (error) {
    outcome = failure(error, target);
    if (!signal.aborted)
      log.debug("a command in a container failed", { kind: target.kind, ...target.container, error });
  }
  await Promise.all([stdout, stderr].map((output) => ended(output, signal)));
  channels.finish(outcome);
}

function exitStatus(exitCode: number): CommandStatus {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

const reasons: Readonly<Record<number, string>> = { 400: "BadRequest", 404: "NotFound" };

function failure(error: unknown, target: CommandTarget): CommandStatus {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof PodStreamError ? error.code : 500;
  const reason = reasons[code];
  if (reason) return { metadata: {}, status: "Failure", reason, message: text, code };
  const message = `Internal error occurred: ${target.kind} in container ${target.container.container}: ${text}`;
  return {
    metadata: {},
    status: "Failure",
    reason: "InternalError",
    message,
    details: { causes: [{ message: text }] },
    code: 500,
  };
}

/** Resolves when everything written has been handed on, or never will be. */
function ended(output: Writable | undefined, signal: AbortSignal): Promise<void> {
  if (!output || output.destroyed || output.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, flushTime);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    for (const event of ["finish", "close", "error"]) output.once(event, done);
    if (signal.aborted) done();
    signal.addEventListener("abort", done, { once: true });
    output.end();
  });
}
