import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Everything on the machine that one cluster may leave behind: kind → what was found. */
export type Traces = Readonly<Record<string, readonly string[]>>;

/** Looks at the kernel's own lists, not at what Weft remembers. */
export function tracesOf(name: string, index: number): Traces {
  const ours = processes().filter(
    ({ text }) => text.includes(`/weft/${name}/`) || text.includes(`daemon.ts\0${name}\0`),
  );
  return {
    processes: ours.map(({ pid, command }) => `${pid} ${command}`),
    "mount namespaces": namespacesWith(name),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(`/weft/${name}/`)),
    links: list("ip", ["-o", "link", "show"]).filter((line) => line.includes(`wf${index}-`)),
    routes: list("ip", ["route", "show", "table", "all"]).filter(
      (line) => line.includes(` 10.${176 + index}.`) || line.startsWith(`10.${176 + index}.`),
    ),
    tables: list("nft", ["list", "tables"]).filter((line) => line.endsWith(` weft-${name}`)),
    cgroups: cgroups(name),
    files: [`/run/weft/${name}`, `/var/lib/weft/${name}`].filter((path) => existsSync(path)),
  };
}

export const nothing: Traces = {
  processes: [],
  "mount namespaces": [],
  mounts: [],
  links: [],
  routes: [],
  tables: [],
  cgroups: [],
  files: [],
};

function list(command: string, args: readonly string[]): readonly string[] {
  return execFileSync(command, args, { encoding: "utf8" }).split("\n");
}

function processes(): readonly { pid: string; command: string; text: string }[] {
  return pids().flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8");
      // A zombie that its parent hasn't seen yet has ended.
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return [];
      return [{ pid, command: command.replaceAll("\0", " ").slice(0, 120), text: `${command}\n${cgroup}` }];
    } catch {
      return [];
    }
  });
}

/** Mount namespaces, other than this process's, in which something of the cluster is mounted. */
function namespacesWith(name: string): readonly string[] {
  const found = new Map<string, string>();
  const own = readlinkSync("/proc/self/ns/mnt");
  for (const pid of pids()) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (namespace === own || found.has(namespace)) continue;
      if (readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(`/weft/${name}/`)) found.set(namespace, pid);
    } catch {
      // It ended meanwhile.
    }
  }
  return [...found].map(([namespace, pid]) => `${namespace} (process ${pid})`);
}

function pids(): readonly string[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
}

function cgroups(name: string): readonly string[] {
  const found: string[] = [];
  const look = (folder: string, depth: number) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(folder, entry.name);
      if (
        /weft/.test(path) &&
        (entry.name === name || entry.name.endsWith(`-${name}`) || entry.name.includes(`weft-${name}`))
      )
        found.push(path);
      else if (depth < 4) look(path, depth + 1);
    }
  };
  look("/sys/fs/cgroup", 0);
  return found;
}
