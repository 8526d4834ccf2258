import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, runProgram } from "../run-program.ts";

export const isRoot: boolean = process.getuid?.() === 0;

/** Runs `bin/weft` as a user would, with a kubeconfig of the test's own. */
export interface WeftCommand {
  readonly kubeconfig: string;
  run(...args: readonly string[]): Promise<Outcome>;
  remove(): void;
}

export function createWeftCommand(env: Readonly<Record<string, string>> = {}): WeftCommand {
  const folder = mkdtempSync(join(tmpdir(), "weft-e2e-"));
  const kubeconfig = join(folder, "config");
  const weft = join(import.meta.dirname, "..", "..", "bin", "weft");
  return {
    kubeconfig,
    run: (...args) => runProgram(weft, args, { env: { ...process.env, KUBECONFIG: kubeconfig, ...env }, cwd: folder }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** kubectl is the user's own; tests that need it skip where there is none. */
export const hasKubectl: boolean = spawnSync("kubectl", ["version", "--client"], { stdio: "ignore" }).status === 0;
