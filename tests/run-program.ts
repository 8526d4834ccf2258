import { type SpawnOptionsWithoutStdio, spawn } from "node:child_process";

export interface Outcome {
  /** Exit code; -1 after a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects only when it can't be started. */
export function runProgram(
  program: string,
  args: readonly string[],
  { input, ...options }: Pick<SpawnOptionsWithoutStdio, "env" | "cwd"> & { readonly input?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.end(input);
  });
}
