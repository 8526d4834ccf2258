import { clusterPaths, contextName, dataRoot, runRoot } from "../cluster-paths.ts";
import { namesOnDisk, readRecord } from "../cluster-record.ts";
import { askDaemon, type DaemonStatus } from "../control.ts";
import { daemonPid } from "../daemon-process.ts";

/** A cluster as `weft status` shows it. */
export interface ClusterSummary {
  readonly name: string;
  readonly state: DaemonStatus["state"] | "crashed" | "stopped";
  readonly daemon?: DaemonStatus;
}

/** Every cluster of the machine. Reads only; without root a running one may look as if it were stopped. */
export async function clusterSummaries(): Promise<readonly ClusterSummary[]> {
  const names = await namesOnDisk([dataRoot, runRoot]);
  return Promise.all(
    names.map(async (name) => {
      const daemon = await askDaemon<DaemonStatus>(clusterPaths(name).controlSocket, "GET", "/status").catch(
        () => undefined,
      );
      if (daemon) return { name, state: daemon.state, daemon };
      if (daemonPid(name) !== undefined) return { name, state: "starting" as const };
      const record = await readRecord(name).catch(() => undefined);
      const ran = (await namesOnDisk([runRoot])).includes(name);
      return { name, state: record && !ran ? ("stopped" as const) : ("crashed" as const) };
    }),
  );
}

export function renderStatus(clusters: readonly ClusterSummary[]): string {
  if (clusters.length === 0) return 'no cluster; "weft up" starts one\n';
  const rows = clusters.map(({ name, state, daemon }) => [
    name,
    state,
    daemon?.apiServer ?? "-",
    daemon?.nodeIp ?? "-",
    daemon ? String(daemon.pods) : "-",
    daemon ? String(daemon.pid) : "-",
    contextName(name),
  ]);
  const table = [["NAME", "STATE", "API SERVER", "NODE", "PODS", "DAEMON", "CONTEXT"], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("   ")
      .trimEnd(),
  );
  if (clusters.some(({ state }) => state === "crashed"))
    lines.push('"weft up" cleans up after a crash and starts the cluster again');
  return `${lines.join("\n")}\n`;
}
