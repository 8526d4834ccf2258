import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runRoot } from "./cluster-paths.ts";

/**
 * Runs `work` while no other `weft up` or `down` runs on this machine. Waits for the other; a lock whose holder is
 * dead is taken over. Rejects after `patience` ms.
 */
export async function withMachineLock<T>(work: () => Promise<T>, patience = 120_000): Promise<T> {
  const path = join(runRoot, ".lock");
  mkdirSync(runRoot, { recursive: true, mode: 0o755 });
  const until = Date.now() + patience;
  while (!take(path)) {
    if (Date.now() > until) throw new Error(`another weft (process ${holder(path)}) holds ${path} and doesn't end`);
    await sleep(100);
  }
  const release = () => rmSync(path, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const pid = holder(path);
    if (pid !== undefined && !isAlive(pid)) rmSync(path, { force: true });
    return false;
  }
}

function holder(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
