import { rm } from "node:fs/promises";
import { clusterCgroup, killCgroup, removeCgroup } from "./cgroup.ts";
import { createLayout } from "./layout.ts";
import { unmountBelow } from "./mounts.ts";

/**
 * Removes what the pods of a runtime that is gone have left: their processes (by the cluster's cgroup, so exactly these),
 * cgroups, mounts, and files that only made sense to them. Logs and claims stay. Safe when there is nothing.
 */
export async function removeRuntimeLeftovers(cluster: {
  readonly name: string;
  readonly runDir: string;
  readonly dataDir: string;
}): Promise<void> {
  const cgroup = clusterCgroup(cluster.name);
  const layout = createLayout(cluster);
  await killCgroup(cgroup);
  await removeCgroup(cgroup);
  await unmountBelow(layout.run);
  await unmountBelow(layout.pods);
  await Promise.all([
    rm(layout.run, { recursive: true, force: true }),
    rm(layout.pods, { recursive: true, force: true }),
  ]);
}
