import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClusterPaths, clusterPaths } from "./cluster-paths.ts";
import { askDaemon, type DaemonStatus } from "./control.ts";
import { isAlive } from "./lock.ts";

/** The daemon of a cluster as seen from outside: its process, or what is left of it. */
export function daemonPid(name: string): number | undefined {
  try {
    const pid = Number(readFileSync(clusterPaths(name).daemonPid, "utf8"));
    // A process id may have become another program's since.
    return isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("daemon.ts") ? pid : undefined;
  } catch {
    return undefined;
  }
}

export function daemonStatus(name: string): Promise<DaemonStatus | undefined> {
  return askDaemon<DaemonStatus>(clusterPaths(name).controlSocket, "GET", "/status").catch(() => undefined);
}

/**
 * Starts the daemon on its own: a session and a mount namespace of its own, its output in its log. What it mounts
 * goes when its last process goes, even after a crash.
 */
export function spawnDaemon(paths: ClusterPaths): ChildProcess {
  mkdirSync(paths.dataDir, { recursive: true });
  mkdirSync(paths.runDir, { recursive: true, mode: 0o711 });
  const log = openSync(paths.daemonLog, "a", 0o640);
  const daemon = new URL("./daemon.ts", import.meta.url).pathname;
  const child = spawn(
    "unshare",
    ["--mount", "--propagation", "private", process.execPath, ...process.execArgv, daemon, paths.name],
    { detached: true, stdio: ["ignore", log, log], cwd: "/" },
  );
  closeSync(log);
  child.unref();
  return child;
}

/** Asks the daemon to stop, waits, and kills it when it doesn't. Resolves when the process is gone. */
export async function stopDaemon(name: string, patience = 45_000): Promise<void> {
  const pid = daemonPid(name);
  if (pid === undefined) return;
  const heard = await askDaemon(clusterPaths(name).controlSocket, "POST", "/stop").catch(() => undefined);
  if (heard === undefined) kill(pid, "SIGTERM");
  const until = Date.now() + patience;
  while (daemonPid(name) !== undefined) {
    if (Date.now() > until) kill(pid, "SIGKILL");
    await sleep(25);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It went by itself.
  }
}
