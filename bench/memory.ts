import { readdirSync, readFileSync } from "node:fs";

/** What processes of one kind take together. */
export interface KindMemory {
  readonly kind: string;
  readonly processes: number;
  /** Proportional set size, bytes: what is shared counts in parts. */
  readonly pss: number;
}

/** First match wins; what a command line looks like → its kind. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/src\/agent\/main\.ts/, "agent (every pod has one)"],
  [/^(\/usr\/local\/bin\/)?envoy /, "envoy (every pod has one)"],
  [/src\/istiod\/main\.ts/, "istiod"],
  [/src\/cluster\/daemon\.ts/, "weft daemon (API server, controllers, runtime, DNS)"],
  [/^crun |\/crun /, "crun (every container has one)"],
  [/samples\/bookinfo/, "bookinfo apps"],
];

/** All processes of a cluster: the daemon, what it started, and whatever runs in its pods. */
export function memoryByKind(cluster: string, daemon: number): readonly KindMemory[] {
  const sums = new Map<string, { processes: number; pss: number }>();
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const isPods = readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`/weft/${cluster}`);
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      if (!isPods && Number(pid) !== daemon && Number(parent) !== daemon) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const pss = Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) * 1024;
      const kind = kinds.find(([pattern]) => pattern.test(command))?.[1] ?? "other";
      const sum = sums.get(kind) ?? { processes: 0, pss: 0 };
      sums.set(kind, { processes: sum.processes + 1, pss: sum.pss + pss });
    } catch {
      // It ended meanwhile.
    }
  }
  return [...sums].map(([kind, sum]) => ({ kind, ...sum })).sort((a, b) => b.pss - a.pss);
}
