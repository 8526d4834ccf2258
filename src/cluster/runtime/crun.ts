import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, type FSWatcher, watch } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { OciProcess, OciSpec } from "./oci-spec.ts";
import { openOutputPipes } from "./output-pipe.ts";
import type { TerminalSize } from "./terminal.ts";

/** How a process ended. `signal` is set when it was killed by one; the exit code is then 128 + its number. */
export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal?: number;
}

/** A container that has started: its first process runs. */
export interface RunningContainer {
  /** Of the container's first process, in the host's pid namespace. */
  readonly pid: number;
  /** Undefined unless it was asked for. */
  readonly stdin: Writable | undefined;
  /** Only with a terminal. */
  readonly resize: ((size: TerminalSize) => void) | undefined;
  readonly ended: Promise<ProcessEnd>;
  /** Sends a signal to the container's first process; nothing happens when it has ended. */
  signal(name: NodeJS.Signals): void;
}

/** The container can't start: the program isn't there, a mount fails. The message is the runtime's. */
export class ContainerStartError extends Error {
  override readonly name = "ContainerStartError";
}

interface RunOptions {
  /** Unique among the cluster's containers. */
  readonly id: string;
  /** A directory of this container's own for `config.json` and the like. */
  readonly bundle: string;
  readonly spec: OciSpec;
  readonly stdin: boolean;
  /** Called with what the container writes. `stream.pause()` holds it back. */
  readonly onOutput: (stream: Readable, name: "stdout" | "stderr") => void;
}

interface ExecFiles {
  readonly process: string;
  readonly pid: string;
  readonly log: string;
}

export interface Crun {
  run(options: RunOptions): Promise<RunningContainer>;
  /** The command line that runs one more process, described in a file, in a container. */
  execCommand(id: string, files: ExecFiles): { readonly command: string; readonly args: readonly string[] };
  writeProcess(path: string, process: OciProcess): Promise<void>;
}

/** OCI runtime `crun`, one foreground process per container: it passes the output on and ends as the container ends. */
export function createCrun(stateDirectory: string): Crun {
  const common = ["--root", stateDirectory, "--cgroup-manager=cgroupfs"];

  async function run(options: RunOptions): Promise<RunningContainer> {
    const { id, bundle, spec } = options;
    const pidFile = join(bundle, "pid");
    const logFile = join(bundle, "crun.log");
    await mkdir(bundle, { recursive: true });
    await Promise.all([rm(pidFile, { force: true }), writeFile(join(bundle, "config.json"), JSON.stringify(spec))]);

    const args = [...common, `--log=file:${logFile}`, "run", "--bundle", bundle, "--pid-file", pidFile, id];
    const pidFileSeen = waitForFile(bundle, "pid");
    const started = spec.process.terminal ? await onTerminal(args, options) : await onPipes(args, options);
    const { ended } = started;
    try {
      const first = await Promise.race([pidFileSeen.found, ended]);
      const pid = typeof first === "number" ? first : await readPid(pidFile);
      if (pid === undefined) {
        const reason = (await readFile(logFile, "utf8").catch(() => "")).trim().split("\n").at(-1) ?? "";
        throw new ContainerStartError(reason === "" ? "crun ended without saying why" : plainMessage(reason));
      }
      let alive = true;
      void ended.then(() => {
        alive = false;
      });
      return {
        pid,
        ended,
        stdin: started.stdin,
        resize: started.resize && ((size) => started.resize?.(pid, size)),
        signal(name) {
          // The pid can't have been given to somebody else: crun hasn't reaped it yet.
          if (alive) trySignal(pid, name);
        },
      };
    } finally {
      pidFileSeen.stop();
    }
  }

  return {
    run,
    execCommand: (id, files) => ({
      command: "crun",
      args: [...common, `--log=file:${files.log}`, "exec", "--process", files.process, "--pid-file", files.pid, id],
    }),
    writeProcess: (path, process) => writeFile(path, JSON.stringify(process)),
  };
}

interface Started {
  readonly stdin: Writable | undefined;
  readonly resize: ((pid: number, size: TerminalSize) => void) | undefined;
  readonly ended: Promise<ProcessEnd>;
}

async function onPipes(args: readonly string[], options: RunOptions): Promise<Started> {
  const [stdout, stderr] = await openOutputPipes(options.bundle, ["stdout", "stderr"]);
  const child = spawn("crun", args, { stdio: [options.stdin ? "pipe" : "ignore", stdout.writer, stderr.writer] });
  closeSync(stdout.writer);
  closeSync(stderr.writer);
  options.onOutput(stdout.reader, "stdout");
  options.onOutput(stderr.reader, "stderr");
  // A container that closes its input early isn't an error.
  child.stdin?.on("error", () => {});
  const read = Promise.all([stdout.reader, stderr.reader].map(closed));
  return { stdin: child.stdin ?? undefined, resize: undefined, ended: endOf(child, read) };
}

function closed(reader: Socket): Promise<void> {
  return new Promise((resolve) => reader.once("close", () => resolve()));
}

async function onTerminal(args: readonly string[], options: RunOptions): Promise<Started> {
  const { resizeTerminalOf, spawnOnTerminal } = await import("./terminal.ts");
  const terminal = spawnOnTerminal("crun", args);
  options.onOutput(terminal.output, "stdout");
  return {
    stdin: options.stdin ? terminal.input : undefined,
    resize: (pid, size) => void resizeTerminalOf(pid, size).catch(() => {}),
    ended: terminal.ended.then(endOfExitCode),
  };
}

/** Resolves with the pid that crun writes into a file of `directory`, as soon as it has. */
function waitForFile(directory: string, name: string): { found: Promise<number>; stop(): void } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const watcher: FSWatcher = watch(directory, (_, changed) => {
    if (changed !== name) return;
    void readPid(join(directory, name)).then((pid) => {
      if (pid !== undefined) resolve(pid);
    });
  });
  return { found: promise, stop: () => watcher.close() };
}

/** Undefined while crun hasn't written the file (completely). */
export async function readPid(path: string): Promise<number | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** Resolves when the process has ended and everything it wrote has been read. */
function endOf(child: ChildProcess, read: Promise<unknown>): Promise<ProcessEnd> {
  const { promise, resolve, reject } = Promise.withResolvers<ProcessEnd>();
  child.on("error", (cause) =>
    reject(new ContainerStartError(`can't run crun: ${cause.message}; install the Debian package crun`, { cause })),
  );
  child.on("close", (code) => void read.then(() => resolve(endOfExitCode(code ?? 137))));
  return promise;
}

/** A shell's and crun's convention: 128 + the number of the signal that ended the process. */
function endOfExitCode(exitCode: number): ProcessEnd {
  return exitCode > 128 && exitCode <= 128 + 64 ? { exitCode, signal: exitCode - 128 } : { exitCode };
}

function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** crun's text log leads each line with a time and a level. */
function plainMessage(line: string): string {
  return line.replace(/^\S+Z?: /, "");
}
