import { mkdirSync, writeFileSync } from "node:fs";
import { createLog } from "#log/log.ts";
import { type RunningCluster, startCluster } from "./cluster.ts";
import { clusterPaths } from "./cluster-paths.ts";
import { readRecord } from "./cluster-record.ts";
import { type DaemonStatus, startControlServer } from "./control.ts";
import { createForwards } from "./forwards.ts";
import { rangesOf } from "./network/ranges.ts";
import { createStartSteps } from "./start-steps.ts";

/*
 * One cluster's process: node daemon.ts NAME, started by `weft up` in a mount namespace of its own. What can happen:
 * a start step fails (exit 1 with the reason in the log), POST /stop or SIGTERM (everything is taken down in order,
 * exit 0), a crash (the next `up` or `down` cleans up).
 */

/** How long taking down may take, ms; then the process ends and leaves the rest to `weft down`. */
const patience = 40_000;

async function main(name: string): Promise<void> {
  const log = createLog("weft").with({ cluster: name });
  const paths = clusterPaths(name);
  const record = await readRecord(name);
  if (!record) throw new Error(`${paths.record} isn't there; clusters are started by "weft up"`);
  const ranges = rangesOf(record.index);
  const steps = createStartSteps();
  const forwards = createForwards();
  const startedAt = new Date().toISOString();
  let state: DaemonStatus["state"] = "starting";
  let cluster: RunningCluster | undefined;

  mkdirSync(paths.runDir, { recursive: true, mode: 0o711 });
  writeFileSync(paths.daemonPid, String(process.pid));
  const control = await startControlServer(paths.controlSocket, {
    status: async () => ({
      name,
      pid: process.pid,
      state,
      steps: steps.list,
      startedAt,
      apiServer: `https://127.0.0.1:${record.apiPort}`,
      nodeIp: ranges.nodeIp,
      pods: state === "ready" ? ((await cluster?.podCount()) ?? 0) : 0,
      forwards: forwards.list,
    }),
    podPid: (namespace, pod) => cluster?.podPid(namespace, pod),
    forward: (to, wanted) => forwards.open(to, wanted),
    stop: () => void stop(),
  });

  async function stop(): Promise<void> {
    if (state === "stopping") return;
    state = "stopping";
    log.info("stopping");
    const timer = setTimeout(() => {
      log.error("taking down takes too long; the rest is for weft down", { patience });
      process.exit(1);
    }, patience);
    timer.unref();
    forwards.stop();
    await cluster?.stop().catch((error: unknown) => log.error("taking down failed", { error }));
    control.close();
    log.info("stopped");
    process.exit(0);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  process.on("SIGHUP", () => {});
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { error }));

  cluster = await startCluster({ record, paths, ranges, steps, log });
  if (state === "starting") state = "ready";
  log.info("ready", { steps: steps.list });
}

try {
  await main(process.argv[2] ?? "");
} catch (error) {
  createLog("weft").error("the cluster can't start", { error });
  process.exit(1);
}
