import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a test's node may leave on a machine: everything that carries its name or lies in its network range. */
export function footprint(name: string, linkPrefix: string): readonly string[] {
  const links = (JSON.parse(execFileSync("ip", ["-json", "link"], { encoding: "utf8" })) as { ifname: string }[])
    .map(({ ifname }) => ifname)
    .filter((link) => link.startsWith(linkPrefix));
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(name));
  const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(name));
  return [...links, ...mounts, ...tables, ...cgroups("/sys/fs/cgroup", name, 3), ...processes(name)];
}

function cgroups(directory: string, name: string, depth: number): readonly string[] {
  if (depth === 0) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return [...(entry.name === name ? [path] : []), ...cgroups(path, name, depth - 1)];
    });
}

function processes(name: string): readonly string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => ["cgroup", "cmdline"].some((file) => read(`/proc/${pid}/${file}`).includes(name)))
    .map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
