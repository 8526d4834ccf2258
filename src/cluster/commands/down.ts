import { rm } from "node:fs/promises";
import { clusterPaths, contextName, dataRoot, forwardingRecord, nameProblem, runRoot } from "../cluster-paths.ts";
import { namesOnDisk, readAllRecords, readRecord } from "../cluster-record.ts";
import { daemonPid, stopDaemon } from "../daemon-process.ts";
import { removeContext, userKubeconfig } from "../kubeconfig-file.ts";
import { removeLeftovers } from "../leftovers.ts";
import { withMachineLock } from "../lock.ts";
import { restoreUplinkForwarding } from "../network/forwarding.ts";
import { CommandError } from "./command-error.ts";
import type { Progress } from "./progress.ts";

export interface DownOptions {
  readonly name: string;
  /** Every cluster of the machine. */
  readonly all: boolean;
  /** Leaves database and logs, so that `up` brings the same cluster back. */
  readonly keepData: boolean;
}

/** Stops clusters and removes everything that was theirs. A cluster that isn't there is no failure. */
export async function down({ name, all, keepData }: DownOptions, progress: Progress): Promise<void> {
  if (process.getuid?.() !== 0) throw new CommandError("not running as root\n    → sudo weft down");
  const wrongName = nameProblem(name);
  if (wrongName) throw new CommandError(wrongName);
  await withMachineLock(async () => {
    const names = all ? await namesOnDisk([dataRoot, runRoot]) : [name];
    for (const one of names) await downOne(one, keepData, progress);
    if (all && names.length === 0) progress.note("no cluster is there");
    const left = await readAllRecords();
    if (left.every((record) => daemonPid(record.name) === undefined)) await restoreUplinkForwarding(forwardingRecord);
  });
}

async function downOne(name: string, keepData: boolean, progress: Progress): Promise<void> {
  const paths = clusterPaths(name);
  const record = await readRecord(name).catch(() => undefined);
  const wasThere = record !== undefined || (await namesOnDisk([dataRoot, runRoot])).includes(name);
  if (!wasThere) {
    removeContext(userKubeconfig(), contextName(name));
    progress.note(`no cluster "${name}" is there`);
    return;
  }
  progress.step(`stopping cluster "${name}"`);
  const started = Date.now();
  await stopDaemon(name);
  await removeLeftovers({ name, index: record?.index });
  if (!keepData) await rm(paths.dataDir, { recursive: true, force: true });
  removeContext(userKubeconfig(), contextName(name));
  progress.done(Date.now() - started);
}
