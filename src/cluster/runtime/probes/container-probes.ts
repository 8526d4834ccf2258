import type { Container, Probe } from "kubernetes-types/core/v1.d.ts";
import { afterResult, noResult } from "./probe-state.ts";
import { type ProbeTarget, runProbe } from "./run-probe.ts";

/** What probes find out about one run of a container. */
export interface ProbeEvents {
  /** The startup probe succeeded, or there is none. */
  onStarted(): void;
  onReady(isReady: boolean): void;
  /** The startup or liveness probe has failed for good: the container is to be replaced. */
  onDead(kind: "startup" | "liveness", graceSeconds: number | undefined): void;
  /** One failed attempt. */
  onUnhealthy(kind: "Startup" | "Liveness" | "Readiness", message: string): void;
}

/** Probes a container until `signal` aborts: first the startup probe, then liveness and readiness side by side. */
export function startProbes(
  container: Container,
  startedAt: number,
  target: ProbeTarget,
  events: ProbeEvents,
  signal: AbortSignal,
): void {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  const onStarted = (): void => {
    events.onStarted();
    if (livenessProbe)
      repeat(livenessProbe, startedAt, target, signal, {
        onFailedAttempt: (message) => events.onUnhealthy("Liveness", message),
        onTurn(isOk) {
          if (!isOk) events.onDead("liveness", livenessProbe.terminationGracePeriodSeconds);
          return isOk;
        },
      });
    if (!readinessProbe) events.onReady(true);
    else
      repeat(readinessProbe, startedAt, target, signal, {
        onFailedAttempt: (message) => events.onUnhealthy("Readiness", message),
        onTurn(isOk) {
          events.onReady(isOk);
          return true;
        },
      });
  };
  if (!startupProbe) {
    onStarted();
    return;
  }
  repeat(startupProbe, startedAt, target, signal, {
    onFailedAttempt: (message) => events.onUnhealthy("Startup", message),
    onTurn(isOk) {
      if (isOk) onStarted();
      else events.onDead("startup", startupProbe.terminationGracePeriodSeconds);
      return false;
    },
  });
}

interface Turns {
  onFailedAttempt(message: string): void;
  /** The result turned, or was found for the first time. Returns whether to go on. */
  onTurn(isOk: boolean): boolean;
}

/**
 * A young container (ms since its start) that hasn't answered yet is also asked between its turns, so that a short start doesn't
 * wait for the next of them. Such an extra attempt only counts when it succeeds. Commands cost too much for that.
 */
const youth = 10_000;
const extraPeriod = 150;

function repeat(probe: Probe, startedAt: number, target: ProbeTarget, signal: AbortSignal, turns: Turns): void {
  const period = Math.max(1, probe.periodSeconds ?? 10) * 1000;
  const thresholds = { successThreshold: probe.successThreshold ?? 1, failureThreshold: probe.failureThreshold ?? 3 };
  let state = noResult;
  let timer: NodeJS.Timeout | undefined;
  let due = startedAt + (probe.initialDelaySeconds ?? 0) * 1000;

  async function attempt(): Promise<void> {
    const isExtra = Date.now() < due;
    if (!isExtra) due = Date.now() + period;
    const problem = await runProbe(probe, target);
    if (signal.aborted) return;
    if (!isExtra || problem === undefined) {
      if (problem !== undefined) turns.onFailedAttempt(problem);
      const before = state.result;
      state = afterResult(state, problem === undefined, thresholds);
      if (state.result !== before && !turns.onTurn(state.result === "success")) return;
    }
    schedule();
  }
  function schedule(): void {
    const now = Date.now();
    const isHurried = state.result !== "success" && !probe.exec && now < startedAt + youth && timer !== undefined;
    const wait = Math.max(0, due - now);
    timer = setTimeout(() => void attempt(), isHurried ? Math.min(wait, extraPeriod) : wait);
    timer.unref();
  }
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  schedule();
}
