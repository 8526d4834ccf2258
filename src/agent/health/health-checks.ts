import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { createHealthState } from "./health-state.ts";
import { check, type ReadinessProbe } from "./readiness-probe.ts";

export interface HealthCheckOptions {
  readonly probe: ReadinessProbe;
  /** Why the proxy itself takes no traffic, if it doesn't: then the workload doesn't either. */
  readonly proxyProblem: () => Promise<string | undefined>;
  /** The workload turned well (undefined), or unwell. */
  readonly report: (problem: string | undefined) => void;
  readonly log: Log;
}

/** Checks the workload's health for as long as the agent runs. Istio: PerformApplicationHealthCheck. */
export function startHealthChecks({ probe, proxyProblem, report, log }: HealthCheckOptions): { stop(): void } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const state = createHealthState({ success: probe.successThreshold || 1, failure: probe.failureThreshold || 1 });
  const pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);

  async function run(): Promise<void> {
    await pause(probe.initialDelaySeconds ?? 0);
    while (!signal.aborted) {
      const problem = (await proxyProblem()) ?? (await check(probe));
      if (signal.aborted) return;
      if (state.take(problem)) {
        log.info(
          "the workload's health changed",
          problem === undefined ? { healthy: true } : { healthy: false, problem },
        );
        report(problem);
      }
      await pause(probe.periodSeconds || 10);
    }
  }

  void run();
  return { stop: () => stopping.abort() };
}
