import { readFile } from "node:fs/promises";
import { capabilityNames } from "./capabilities.ts";

/** What this process may give its children: less than root usually may, inside some containers and virtual machines. */
export interface HostLimits {
  readonly openFiles: number;
  /** The least `oom_score_adj`. */
  readonly oomScore: number;
  /** Names without `CAP_`. */
  readonly capabilities: readonly string[];
}

const mostOpenFiles = 1_048_576;

export async function readHostLimits(): Promise<HostLimits> {
  const [limits, status, score] = await Promise.all(
    ["limits", "status", "oom_score_adj"].map((name) => readFile(`/proc/self/${name}`, "utf8")),
  );
  const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits ?? "")?.[1] ?? mostOpenFiles);
  const capabilities = capabilityNames(BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status ?? "")?.[1] ?? "0"}`));
  // It raises hard limits and lowers `oom_score_adj` (capabilities(7)).
  const mayRaise = capabilities.includes("SYS_RESOURCE");
  return {
    openFiles: mayRaise ? mostOpenFiles : Math.min(mostOpenFiles, hard),
    oomScore: mayRaise ? -1000 : Number(score),
    capabilities,
  };
}
