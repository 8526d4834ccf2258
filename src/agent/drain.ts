import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#log/log.ts";
import { localRequest } from "./local-http.ts";
import type { AgentSettings } from "./settings.ts";

/**
 * Envoy tells clients of its connections to leave, and with `close` it stops listening after `drainDuration`. A sidecar does so
 * only for what comes in: the application may still call others until it ends. Failing is logged, not thrown.
 * Istio: DrainListeners.
 */
export async function drainListeners(settings: AgentSettings, close: boolean, log: Log): Promise<void> {
  try {
    const flags = [settings.kind === "sidecar" ? "inboundonly" : "", "graceful", close ? "" : "skip_exit"];
    const path = `/drain_listeners?${flags.filter((flag) => flag !== "").join("&")}`;
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
