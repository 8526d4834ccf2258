import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { ExecOptions } from "../pod-streams.ts";
import { type Crun, readPid } from "./crun.ts";
import type { OciProcess } from "./oci-spec.ts";
import { openOutputPipes } from "./output-pipe.ts";
import type { Terminal, TerminalSize } from "./terminal.ts";

/** Where a process can be run besides the container's own. */
export interface ExecTarget {
  readonly id: string;
  /** A directory of the container's for files of a moment. */
  readonly bundle: string;
  /** The container's own process: user, variables, directory, capabilities. */
  readonly process: OciProcess;
}

/** The program isn't there, or can't be run. */
export class ExecStartError extends Error {
  override readonly name = "ExecStartError";
}

/** What `crun exec` ends with when it couldn't start the program; its log then says why. */
const startFailure = 255;
let counter = 0;

/** Runs a program in a container and resolves to its exit code. An abort kills it. Rejects with {@link ExecStartError}. */
export async function execInContainer(crun: Crun, target: ExecTarget, options: ExecOptions): Promise<number> {
  counter += 1;
  const base = join(target.bundle, `exec-${counter}`);
  const files = { process: `${base}.json`, pid: `${base}.pid`, log: `${base}.log` };
  const env = options.tty
    ? [...target.process.env.filter((e) => !e.startsWith("TERM=")), "TERM=xterm-256color"]
    : target.process.env;
  await crun.writeProcess(files.process, { ...target.process, args: options.command, terminal: options.tty, env });
  const { command, args } = crun.execCommand(target.id, files);
  try {
    const exitCode = options.tty
      ? await runOnTerminal(command, args, options, files.pid)
      : await runOnPipes(command, args, options, files.pid);
    if (exitCode === startFailure) {
      const reason = (await readFile(files.log, "utf8").catch(() => "")).trim();
      if (reason !== "") throw new ExecStartError(`can't run ${JSON.stringify(options.command[0] ?? "")}: ${reason}`);
    }
    return exitCode;
  } finally {
    await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
  }
}

async function runOnPipes(
  command: string,
  args: readonly string[],
  options: ExecOptions,
  pidFile: string,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const isHeard = options.stdout !== undefined || options.stderr !== undefined;
  const pipes = isHeard
    ? await openOutputPipes(dirname(pidFile), [`${basename(pidFile)}.out`, `${basename(pidFile)}.err`])
    : [];
  const child = spawn(command, args, {
    stdio: [options.stdin ? "pipe" : "ignore", pipes[0]?.writer ?? "ignore", pipes[1]?.writer ?? "ignore"],
  });
  for (const { writer } of pipes) closeSync(writer);
  if (options.stdin && child.stdin) feed(options.stdin, child.stdin);
  const read = Promise.all(pipes.map(({ reader }) => once(reader, "close")));
  read.catch(() => {});
  for (const [index, { reader }] of pipes.entries()) {
    const to = index === 0 ? options.stdout : options.stderr;
    if (to) drainInto(reader, to);
    else reader.resume();
  }
  const abort = (): void => void killByFile(pidFile, "SIGKILL", () => child.kill("SIGKILL"));
  options.signal.addEventListener("abort", abort, { once: true });
  child.on("error", reject);
  child.on("close", (code) => void read.then(() => resolve(code ?? 137), reject));
  try {
    return await promise;
  } finally {
    options.signal.removeEventListener("abort", abort);
    if (child.stdin) options.stdin?.unpipe(child.stdin);
  }
}

/** crun relays a terminal when it runs on one: it runs on a pseudo-terminal of ours. */
async function runOnTerminal(
  command: string,
  args: readonly string[],
  options: ExecOptions,
  pidFile: string,
): Promise<number> {
  const { resizeTerminalOf, spawnOnTerminal } = await import("./terminal.ts");
  // A size that is known already is there from the start: the program may ask for it at once.
  let initial: TerminalSize | undefined;
  let terminal: Terminal | undefined;
  options.onResize?.((size) => {
    if (!terminal) {
      initial = size;
      return;
    }
    terminal.resize(size);
    void readPid(pidFile).then((pid) => (pid === undefined ? undefined : resizeTerminalOf(pid, size).catch(() => {})));
  });
  const opened = spawnOnTerminal(command, args, initial);
  terminal = opened;
  if (options.stdin) feed(options.stdin, opened.input);
  if (options.stdout) drainInto(opened.output, options.stdout);
  // As when a terminal is closed.
  const abort = (): void => void killByFile(pidFile, "SIGHUP", () => opened.kill());
  options.signal.addEventListener("abort", abort, { once: true });
  try {
    return await opened.ended;
  } finally {
    options.signal.removeEventListener("abort", abort);
    options.stdin?.unpipe(opened.input);
  }
}

function feed(from: Readable, to: Writable): void {
  // A program that closes its input early isn't an error.
  to.on("error", () => from.unpipe(to));
  from.pipe(to);
}

function drainInto(from: Readable, to: Writable): void {
  // A reader that went away must not hold up the program.
  to.on("error", () => {
    from.unpipe(to);
    from.resume();
  });
  from.pipe(to, { end: false });
}

async function killByFile(pidFile: string, signal: NodeJS.Signals, otherwise: () => void): Promise<void> {
  const pid = await readPid(pidFile);
  try {
    if (pid === undefined) otherwise();
    else process.kill(pid, signal);
  } catch {
    otherwise();
  }
}
