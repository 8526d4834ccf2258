import { join } from "node:path";

/** Where a cluster keeps what it has. */
export interface ClusterPaths {
  readonly name: string;
  /** Survives a restart: record, database, keys, pods' logs, the daemon's log. */
  readonly dataDir: string;
  /** Sockets, namespace files and process ids: nothing in it outlives the daemon. */
  readonly runDir: string;
  readonly record: string;
  readonly daemonLog: string;
  readonly daemonPid: string;
  readonly controlSocket: string;
  readonly adminKubeconfig: string;
}

/** Shared by all clusters of the machine. */
export const dataRoot = "/var/lib/weft";
export const runRoot = "/run/weft";
export const imagesFile: string = join(dataRoot, "images.json");
/** What the uplinks' forwarding switches were before the first cluster. */
export const forwardingRecord: string = join(runRoot, ".forwarding");

export function clusterPaths(name: string): ClusterPaths {
  const dataDir = join(dataRoot, name);
  const runDir = join(runRoot, name);
  return {
    name,
    dataDir,
    runDir,
    record: join(dataDir, "cluster.json"),
    daemonLog: join(dataDir, "daemon.log"),
    daemonPid: join(runDir, "daemon.pid"),
    controlSocket: join(runDir, "control.sock"),
    adminKubeconfig: join(dataDir, "admin.kubeconfig"),
  };
}

/** A name goes into paths, an nftables table and a kubeconfig context. Returns what is wrong with it. */
export function nameProblem(name: string): string | undefined {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) return undefined;
  return `cluster name "${name}": use up to 32 lower-case letters, digits and dashes, starting and ending with a letter or digit`;
}

/** The context in the user's kubeconfig: `weft` for the cluster that has no name of its own. */
export function contextName(name: string): string {
  return name === defaultCluster ? "weft" : `weft-${name}`;
}

export const defaultCluster = "default";
