import { localRequest } from "./local-http.ts";

const stats = [
  "cluster_manager.cds.update_success",
  "cluster_manager.cds.update_rejected",
  "listener_manager.lds.update_success",
  "listener_manager.lds.update_rejected",
  "server.state",
  "listener_manager.workers_started",
] as const;
const filter =
  "^(server.state|listener_manager.workers_started|(cluster_manager.cds|listener_manager.lds).update_(success|rejected))$";

/** Asks whether Envoy can serve: it has clusters and listeners, and its workers run. */
export interface Readiness {
  /** Undefined when ready, else why not, in words. */
  problem(): Promise<string | undefined>;
  /** A new Envoy has no config yet. */
  reset(): void;
}

/** Envoy's readiness as Istio defines it: once config was received only the state of the server counts. */
export function createReadiness(adminPort: number): Readiness {
  let configured = false;
  return {
    reset() {
      configured = false;
    },
    async problem() {
      let values: Record<string, number>;
      try {
        const path = `/stats?usedonly&filter=${encodeURIComponent(filter)}`;
        const answer = await localRequest({ method: "GET", port: adminPort, path, timeoutMs: 1000, maxBytes: 65_536 });
        values = parseStats(answer.body);
      } catch (error) {
        return `Envoy doesn't answer on its admin port: ${(error as Error).message}`;
      }
      const value = (name: (typeof stats)[number]): number => values[name] ?? 0;
      configured ||=
        value("cluster_manager.cds.update_success") > 0 && value("listener_manager.lds.update_success") > 0;
      if (!configured) {
        const count = (kind: "cluster_manager.cds" | "listener_manager.lds"): string =>
          `${value(`${kind}.update_success`)} taken, ${value(`${kind}.update_rejected`)} rejected`;
        return `config not fully received from istiod: clusters ${count("cluster_manager.cds")}; listeners ${count("listener_manager.lds")}`;
      }
      if (values["server.state"] !== 0) return `Envoy isn't live (server.state ${values["server.state"] ?? "unknown"})`;
      if (value("listener_manager.workers_started") !== 1) return "Envoy's workers haven't started";
      return undefined;
    },
  };
}

/** Lines `name: value`. */
function parseStats(text: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) values[line.slice(0, at)] = Number(line.slice(at + 2));
  }
  return values;
}
