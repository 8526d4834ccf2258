import { spawn } from "node:child_process";

/** Longest output of a helper program that is kept for an error message (characters). */
const keptOutput = 2_000;

/** Runs a program of the host to its end; rejects, with what it wrote, when it fails. */
export function runProgram(command: string, args: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(0, keptOutput);
  });
  child.on("error", (cause) =>
    reject(new Error(`can't run ${command}: ${cause.message}; is it installed?`, { cause })),
  );
  child.on("close", (code, signal) => {
    if (code === 0) resolve();
    else reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}: ${output.trim()}`));
  });
  return promise;
}
