import { type ChildProcess, spawn } from "node:child_process";
import type { Log } from "#log/log.ts";
import { backoffMs } from "./backoff.ts";
import type { AgentSettings } from "./settings.ts";

/** An Envoy that ran at least this long was no failed start, ms. */
const stableMs = 10_000;
/** Failed starts in a row until the agent gives up, so that the kubelet restarts the container and shows it. */
const maxFailedStarts = 5;

/** Envoy, kept running. */
export interface EnvoyProcess {
  readonly pid: number | undefined;
  /** Resolves with an exit code when Envoy is stopped, or won't start. */
  readonly done: Promise<number>;
  /** Asks Envoy to end, and makes it after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Command line of Envoy. */
export function envoyArgs(settings: AgentSettings, bootstrapPath: string, overrideJson?: string): string[] {
  return [
    ["-c", bootstrapPath],
    overrideJson === undefined ? [] : ["--config-yaml", overrideJson],
    ["--drain-time-s", String(Math.max(1, Math.round(settings.drainMs / 1000)))],
    ["--drain-strategy", "immediate"],
    ["--local-address-ip-version", settings.instanceIps[0]?.includes(":") ? "v6" : "v4"],
    ["--file-flush-interval-msec", "1000"],
    ["--disable-hot-restart"],
    ["--allow-unknown-static-fields"],
    ["-l", settings.proxyLogLevel],
    settings.proxyComponentLogLevel === "" ? [] : ["--component-log-level", settings.proxyComponentLogLevel],
    settings.concurrency === 0 ? [] : ["--concurrency", String(settings.concurrency)],
  ].flat();
}

/** Starts Envoy and starts it again when it dies: at once after a good while, else after growing pauses from `pauseMs`. */
export function runEnvoy(
  path: string,
  args: readonly string[],
  log: Log,
  onStart: () => void,
  pauseMs = 500,
): EnvoyProcess {
  let child: ChildProcess | undefined;
  let stopping = false;
  let failedStarts = 0;
  let timer: NodeJS.Timeout | undefined;
  const { promise: done, resolve } = Promise.withResolvers<number>();

  function start(): void {
    const startedAt = performance.now();
    child = spawn(path, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.once("spawn", () => {
      log.info("Envoy started", { pid: child?.pid });
      onStart();
    });
    child.once("error", (error) => {
      log.error("Envoy can't be started; is it in this image?", { path, error });
      resolve(1);
    });
    child.once("exit", (code, signal) => {
      if (stopping) {
        log.info("Envoy stopped", { code, signal });
        return resolve(0);
      }
      const ranMs = Math.round(performance.now() - startedAt);
      failedStarts = ranMs >= stableMs ? 0 : failedStarts + 1;
      const fields = { code, signal, ranMs, ...(signal === "SIGKILL" ? { hint: "out of memory?" } : {}) };
      if (failedStarts >= maxFailedStarts) {
        log.error("Envoy doesn't stay up; giving up, its last lines above say why", { ...fields, failedStarts });
        return resolve(1);
      }
      const restartMs = failedStarts === 0 ? 0 : backoffMs(failedStarts - 1, pauseMs, 10_000);
      log.error("Envoy died; starting it again", { ...fields, restartMs });
      timer = setTimeout(start, restartMs);
    });
  }

  start();
  return {
    get pid() {
      return child?.pid;
    },
    done,
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      if (!child || child.exitCode !== null || child.signalCode !== null) return resolve(0);
      child.kill("SIGTERM");
      const force = setTimeout(() => child?.kill("SIGKILL"), graceMs);
      await done;
      clearTimeout(force);
    },
  };
}
