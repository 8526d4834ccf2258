import { spawn } from "node:child_process";

/** Debian keeps `ip` and `nft` where a plain user's PATH doesn't look. */
const path = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
const maxOutput = 16 * 1024 * 1024;

/**
 * Runs a program to its end with `input` on standard input and resolves to its standard output. Rejects with the
 * command and what it said when it can't be started, fails, or takes longer than `timeout` (ms).
 */
export function run(
  command: string,
  args: readonly string[],
  { input, timeout = 30_000 }: { input?: string; timeout?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, PATH: path }, timeout, killSignal: "SIGKILL" });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    let size = 0;
    const keep = (list: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxOutput) list.push(chunk);
    };
    child.stdout.on("data", keep(out));
    child.stderr.on("data", keep(errors));
    child.on("error", (cause) => reject(new Error(`${command} can't be started: ${cause.message}`, { cause })));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const said = Buffer.concat(errors).toString().trim().slice(0, 2000);
      reject(new Error(`${[command, ...args].join(" ")}: ${said || `ended with ${signal ?? code}`}`));
    });
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}
