import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const isRoot: boolean = process.getuid?.() === 0;

/** Runs `bin/weft` as a user would, with a kubeconfig of the test's own. */
export interface WeftCommand {
  readonly kubeconfig: string;
  run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  remove(): void;
}

export function createWeftCommand(env: Readonly<Record<string, string>> = {}): WeftCommand {
  const folder = mkdtempSync(join(tmpdir(), "weft-e2e-"));
  const kubeconfig = join(folder, "config");
  const weft = join(import.meta.dirname, "..", "..", "bin", "weft");
  return {
    kubeconfig,
    run: (...args) =>
      new Promise((resolve, reject) => {
        const child = spawn(weft, args, { env: { ...process.env, KUBECONFIG: kubeconfig, ...env }, cwd: folder });
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
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** kubectl is the user's own; tests that need it skip where there is none. */
export const hasKubectl: boolean = spawnSync("kubectl", ["version", "--client"], { stdio: "ignore" }).status === 0;
