import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { localRequest } from "./local-http.ts";
import type { AgentSettings } from "./settings.ts";

/** Envoy stops taking new connections and tells clients of the old ones to leave. Failing is logged, not thrown. */
export async function drainListeners(settings: AgentSettings, log: Log): Promise<void> {
  try {
    const path = "/drain_listeners?graceful&skip_exit";
    await localRequest({ method: "POST", port: settings.adminPort, path, timeoutMs: 2000, maxBytes: 4096 });
  } catch (error) {
    log.warn("Envoy couldn't be told to drain", { error });
  }
}

/** Waits while connections end: a fixed time, or until none is left when the pod is set so. */
export async function waitForDrain(settings: AgentSettings, log: Log): Promise<void> {
  if (!settings.exitOnZeroConnections) {
    await sleep(settings.terminationDrainMs);
    return;
  }
  await sleep(settings.minimumDrainMs);
  for (;;) {
    const active = await activeConnections(settings);
    if (active === undefined || active === 0) return;
    log.info("waiting for connections to end", { active });
    await sleep(1000);
  }
}

/** Connections of clients, without those of the agent's own listeners; undefined when Envoy doesn't say. */
async function activeConnections(settings: AgentSettings): Promise<number | undefined> {
  try {
    const path = "/stats?usedonly&filter=downstream_cx_active$";
    const { body } = await localRequest({
      method: "GET",
      port: settings.adminPort,
      path,
      timeoutMs: 2000,
      maxBytes: 1_000_000,
    });
    const own = [`_${settings.envoyStatusPort}.`, `_${settings.prometheusPort}.`, ".admin."];
    return [...body.matchAll(/^(listener\..*): (\d+)$/gm)]
      .filter(([, name = ""]) => !own.some((part) => name.includes(part)) && !name.includes("worker_"))
      .reduce((sum, [, , count]) => sum + Number(count), 0);
  } catch {
    return undefined;
  }
}
