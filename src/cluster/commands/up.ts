import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { adminCredentials } from "../admin-credentials.ts";
import { type ClusterPaths, clusterPaths, contextName, dataRoot, nameProblem } from "../cluster-paths.ts";
import { readAllRecords, readRecord, writeRecord } from "../cluster-record.ts";
import type { DaemonStatus } from "../control.ts";
import { daemonPid, daemonStatus, spawnDaemon, stopDaemon } from "../daemon-process.ts";
import { mergeContext, userKubeconfig } from "../kubeconfig-file.ts";
import { removeLeftovers } from "../leftovers.ts";
import { withMachineLock } from "../lock.ts";
import { freeIndex } from "../network/free-index.ts";
import { findProblems, freePort } from "../preflight.ts";
import { CommandError } from "./command-error.ts";
import type { Progress } from "./progress.ts";

export interface UpOptions {
  readonly name: string;
  /** How long the cluster may take to become ready, ms. */
  readonly timeout: number;
}

/**
 * Starts the cluster, or finds it running, and gives the user a context for it. When it fails nothing is left behind
 * but the daemon's log, whose end is in the error.
 */
export async function up({ name, timeout }: UpOptions, progress: Progress): Promise<DaemonStatus> {
  const wrongName = nameProblem(name);
  if (wrongName) throw new CommandError(wrongName);
  const problems = await findProblems(dataRoot);
  if (problems.length > 0)
    throw new CommandError(problems.map(({ what, remedy }) => `${what}\n    → ${remedy}`).join("\n"));
  const paths = clusterPaths(name);
  const status = await withMachineLock(async () => {
    const running = await daemonStatus(name);
    if (running?.state === "ready") {
      progress.note(`cluster "${name}" is running`);
      return running;
    }
    const pid = daemonPid(name);
    if (running?.state === "starting" && pid !== undefined) return waitUntilReady(paths, undefined, timeout, progress);
    if (pid !== undefined) await stopDaemon(name);
    return start(paths, timeout, progress);
  });
  giveContext(paths, progress);
  return status;
}

function giveContext(paths: ClusterPaths, progress: Progress): void {
  const kubeconfig = userKubeconfig();
  const name = contextName(paths.name);
  try {
    const changed = mergeContext(kubeconfig, { name, ...adminCredentials(paths) });
    progress.note(`kubectl context "${name}" ${changed ? "is current in" : "is in"} ${kubeconfig}`);
  } catch (error) {
    throw new CommandError(
      `the cluster runs, but kubectl has no context for it: ${error instanceof Error ? error.message : String(error)}\n` +
        `    → KUBECONFIG=${paths.adminKubeconfig} kubectl get nodes`,
    );
  }
}

async function start(paths: ClusterPaths, timeout: number, progress: Progress): Promise<DaemonStatus> {
  const { name } = paths;
  const known = await readRecord(name);
  const others = (await readAllRecords()).filter((record) => record.name !== name);
  if (known) await removeLeftovers(known);
  const index = known?.index ?? (await freeIndex(new Set(others.map((record) => record.index))));
  const apiPort = await freePort(known?.apiPort ?? 6443, new Set(others.map((record) => record.apiPort)));
  const record = { name, index, apiPort };
  await writeRecord(record);
  const logStart = logSize(paths);
  const child = spawnDaemon(paths);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`the daemon ended with ${signal ?? `exit code ${code}`}`));
  });
  const interrupt = () => void abandon().finally(() => process.exit(130));
  const abandon = async () => {
    await stopDaemon(name, 5_000);
    await removeLeftovers(record);
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    return await waitUntilReady(paths, ended, timeout, progress);
  } catch (error) {
    await abandon();
    const said = endOfLog(paths, logStart);
    throw new CommandError(
      `cluster "${name}" didn't start: ${error instanceof Error ? error.message : String(error)}\n${said}    → the whole log: ${paths.daemonLog}`,
    );
  } finally {
    process.removeListener("SIGINT", interrupt);
    process.removeListener("SIGTERM", interrupt);
  }
}

async function waitUntilReady(
  paths: ClusterPaths,
  ended: Promise<string> | undefined,
  timeout: number,
  progress: Progress,
): Promise<DaemonStatus> {
  const until = Date.now() + timeout;
  let failure: string | undefined;
  void ended?.then((why) => {
    failure = why;
  });
  let told = 0;
  let open = false;
  for (;;) {
    const status = await daemonStatus(paths.name);
    for (const step of status?.steps.slice(told) ?? []) {
      if (!open) progress.step(step.name);
      open = step.milliseconds === undefined;
      if (step.milliseconds === undefined) break;
      progress.done(step.milliseconds);
      told++;
    }
    if (status?.state === "ready") return status;
    if (failure !== undefined) throw new Error(failure);
    if (Date.now() > until) throw new Error(`not ready after ${Math.round(timeout / 1000)} s`);
    await sleep(30);
  }
}

function logSize(paths: ClusterPaths): number {
  try {
    const file = openSync(paths.daemonLog, "r");
    const { size } = fstatSync(file);
    closeSync(file);
    return size;
  } catch {
    return 0;
  }
}

/** The last lines that this run of the daemon wrote. */
function endOfLog(paths: ClusterPaths, from: number): string {
  const file = openSync(paths.daemonLog, "r");
  const size = fstatSync(file).size;
  const start = Math.max(from, size - 4096);
  const buffer = Buffer.alloc(Math.max(0, size - start));
  readSync(file, buffer, 0, buffer.length, start);
  closeSync(file);
  const lines = buffer.toString().trimEnd().split("\n").slice(-8);
  return lines.map((line) => `    | ${line.slice(0, 400)}\n`).join("");
}
