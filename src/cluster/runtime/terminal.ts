import { PassThrough, Writable } from "node:stream";
import { type IPty, spawn } from "@lydell/node-pty";
import { runProgram } from "./program.ts";

/** A program on a pseudo-terminal of its own. */
export interface Terminal {
  readonly output: PassThrough;
  readonly input: Writable;
  /** The exit code; 128 + the signal's number when one ended it. */
  readonly ended: Promise<number>;
  resize(size: TerminalSize): void;
  kill(): void;
}

/** Columns and rows. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Terminal sizes beyond this are somebody's mistake (columns or rows). */
const largest = 10_000;

const usual: TerminalSize = { width: 80, height: 24 };

export function spawnOnTerminal(command: string, args: readonly string[], asked: TerminalSize = usual): Terminal {
  const { width: cols, height: rows } = isSane(asked) ? asked : usual;
  const pty: IPty = spawn(command, [...args], { cols, rows, name: "xterm-256color", encoding: null });
  const output = new PassThrough();
  // With `encoding: null` the data is bytes, whatever the type says, and so may be what is written.
  pty.onData((data) => {
    if (!output.write(data)) {
      pty.pause();
      output.once("drain", () => pty.resume());
    }
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  pty.onExit(({ exitCode, signal }) => {
    output.end();
    resolve(signal ? 128 + signal : exitCode);
  });
  const input = new Writable({
    write(chunk: Buffer, _, done) {
      pty.write(chunk as unknown as string);
      done();
    },
    final(done) {
      // End of file on a terminal is Ctrl-D at the start of a line.
      pty.write("\x04");
      done();
    },
  });
  return {
    output,
    input,
    ended: promise,
    resize(size) {
      if (isSane(size)) pty.resize(size.width, size.height);
    },
    kill: () => pty.kill("SIGKILL"),
  };
}

function isSane({ width, height }: TerminalSize): boolean {
  return [width, height].every((n) => Number.isInteger(n) && n > 0 && n < largest);
}

/**
 * Resizes the terminal of a process in a container. crun gives a new terminal the size of its own, but doesn't pass
 * on later changes.
 */
export async function resizeTerminalOf(pid: number, size: TerminalSize): Promise<void> {
  if (!isSane(size)) return;
  await runProgram("stty", ["-F", `/proc/${pid}/fd/0`, "cols", String(size.width), "rows", String(size.height)]);
}
