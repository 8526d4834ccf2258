import { spawn } from "node:child_process";
import { compileCache, node24, root } from "./paths.mjs";

/** Flags that every program of Weft runs with. */
export const flags = ["--disable-warning=ExperimentalWarning"];

/**
 * Runs Node 24 and resolves to its exit code.
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function runNode24(args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(node24, [...flags, ...args], {
      stdio: "inherit",
      cwd: root,
      ...options,
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache, ...options.env },
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal ? 1 : 0)));
    // The child gets the terminal's signals itself and decides how to end.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  });
}
