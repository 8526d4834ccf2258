import { readFileSync } from "node:fs";

/** What a process has used so far. */
export interface Usage {
  /** User and system time of all threads, seconds. */
  readonly cpu: number;
  /** Resident memory now and at its highest, bytes. */
  readonly rss: number;
  readonly peak: number;
}

/** Linux counts CPU time in these (`getconf CLK_TCK`). */
const ticksPerSecond = 100;

export function usageOf(pid: number): Usage {
  // The second field, a name in parentheses, may have blanks in it.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "");
  const [user = 0, system = 0] = stat.split(" ").slice(11, 13).map(Number);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { cpu: (user + system) / ticksPerSecond, rss: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
}

/** CPU time of the whole machine that wasn't idle, seconds. */
export function machineCpu(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]?.split(" ").map(Number) ?? [];
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}
