import { readdir, readFile, rm, rmdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { mountTmpfs, unmountBelow } from "./mounts.ts";

const root = "/sys/fs/cgroup";
/** Magic number of cgroup2 in statfs(2). */
const cgroup2Magic = 0x63677270;

/** The cgroup of a cluster, of a pod in it, of a container in that: a path as crun's `cgroupsPath` wants it. */
export function clusterCgroup(clusterName: string): string {
  return `/weft/${clusterName}`;
}

export function podCgroup(clusterName: string, uid: string): string {
  return `${clusterCgroup(clusterName)}/pod${uid}`;
}

/**
 * Where the unified hierarchy of a hybrid host is unmounted, crun makes plain directories under its mount point: here they get a
 * tmpfs, which goes with this process's mount namespace.
 */
export async function coverUnified(): Promise<void> {
  const unified = join(root, "unified");
  const isThere = await stat(unified).catch(() => undefined);
  if (isThere && !(await isCgroup2(root)) && !(await isCgroup2(unified))) await mountTmpfs(unified);
}

export async function uncoverUnified(): Promise<void> {
  const unified = join(root, "unified");
  if (!(await isCgroup2(root)) && !(await isCgroup2(unified))) await unmountBelow(unified);
}

/** Every hierarchy's root: one with cgroup v2, one for each controller with v1. */
async function hierarchies(): Promise<readonly string[]> {
  if (await isCgroup2(root)) return [root];
  const names = await readdir(root).catch(() => []);
  return names.map((name) => join(root, name));
}

async function isCgroup2(path: string): Promise<boolean> {
  try {
    return (await statfs(path)).type === cgroup2Magic;
  } catch {
    return false;
  }
}

/** Pids of everything in this cgroup and those below it. */
async function cgroupProcesses(path: string): Promise<ReadonlySet<number>> {
  const pids = new Set<number>();
  for (const hierarchy of await hierarchies())
    for (const directory of await directoriesBelow(join(hierarchy, path)))
      for (const line of (await readFile(join(directory, "cgroup.procs"), "utf8").catch(() => "")).split("\n"))
        if (line !== "" && line !== "0") pids.add(Number(line));
  return pids;
}

/** How long to wait for killed processes to be gone (ms): a process in uninterruptible sleep may take its time. */
const killPatience = 5_000;

/** Kills what runs in this cgroup and below it, by pid, and waits until it is empty. Returns how many were killed. */
export async function killCgroup(path: string): Promise<number> {
  const killed = new Set<number>();
  for (const end = Date.now() + killPatience; Date.now() < end; await sleep(5)) {
    const pids = await cgroupProcesses(path);
    if (pids.size === 0) break;
    for (const pid of pids) {
      killed.add(pid);
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended meanwhile.
      }
    }
  }
  return killed.size;
}

/** Removes an empty cgroup and those below it, in every hierarchy. */
export async function removeCgroup(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const top = join(hierarchy, path);
    const directories = (await directoriesBelow(top)).toReversed();
    if (directories.length === 0) continue;
    // See coverUnified.
    if (hierarchy.endsWith("/unified") && !(await isCgroup2(hierarchy))) {
      await rm(top, { recursive: true, force: true });
      continue;
    }
    for (const directory of directories) await rmdirPatiently(directory);
  }
}

/** An emptied cgroup stays busy for a moment after its last process is gone. */
async function rmdirPatiently(directory: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if (code !== "EBUSY" || attempt >= 50) throw error;
      await sleep(10);
    }
  }
}

/** `path` and every directory below it, parents first; empty when it isn't there. */
async function directoriesBelow(path: string): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (directory: string): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
    if (entries === undefined) return;
    found.push(directory);
    for (const entry of entries) if (entry.isDirectory()) await visit(join(directory, entry.name));
  };
  await visit(path);
  return found;
}
