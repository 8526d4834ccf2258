import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { clusterPaths } from "./cluster-paths.ts";
import { removeNetworkLeftovers } from "./network/leftovers.ts";
import { removeRuntimeLeftovers } from "./runtime/leftovers.ts";

/**
 * Removes what a daemon that is gone has left: its pods' processes first (they hold its mount and network namespaces),
 * then links and rules, then its run files. `index` is unknown when the record was never written: then there are
 * no links either.
 */
export async function removeLeftovers(cluster: { name: string; index: number | undefined }): Promise<void> {
  const { runDir, dataDir } = clusterPaths(cluster.name);
  await removeRuntimeLeftovers({ name: cluster.name, runDir, dataDir });
  await removeNetworkLeftovers({ name: cluster.name, index: cluster.index, runDir });
  await rm(runDir, { recursive: true, force: true });
  await removeEmptyCgroup();
}

/** The group above all clusters' own goes with the last of them. */
async function removeEmptyCgroup(): Promise<void> {
  const root = "/sys/fs/cgroup";
  const hierarchies = [root, ...(await readdir(root).catch(() => [])).map((name) => join(root, name))];
  // It isn't empty while another cluster is there, and isn't in every hierarchy.
  await Promise.all(hierarchies.map((hierarchy) => rmdir(join(hierarchy, "weft")).catch(() => {})));
}
