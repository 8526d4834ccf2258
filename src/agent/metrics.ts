import type { Identity } from "./identity/identity.ts";
import { parseVariable } from "./json-variable.ts";
import { localRequest } from "./local-http.ts";

/** Where the application's metrics are: injection moved the pod's Prometheus annotations here. */
export interface AppMetrics {
  readonly targets: readonly { readonly port: number; readonly path: string }[];
}

const maxMetricsBytes = 64 * 1024 * 1024;
const scrapeTimeoutMs = 9_000;

/** Reads ISTIO_PROMETHEUS_ANNOTATIONS; nothing to scrape without it, or when it says so. */
export function parseAppMetrics(text: string | undefined): AppMetrics {
  if (!text) return { targets: [] };
  const config = parseVariable("ISTIO_PROMETHEUS_ANNOTATIONS", text) as {
    scrape?: string;
    port?: string;
    path?: string;
    targets?: readonly { port?: string; path?: string }[];
  };
  if (config.scrape === "false") return { targets: [] };
  // Istio: without a port, Prometheus' default
  const targets = config.targets ?? [{ port: config.port ?? "80", path: config.path ?? "" }];
  return {
    targets: targets.map(({ port, path }) => ({ port: Number(port || "80"), path: path || "/metrics" })),
  };
}

/** What the agent counts about itself. */
export interface AgentCounters {
  readonly startedAt: number;
  envoyStarts: number;
  scrapes: number;
  readonly failedScrapes: Map<"envoy" | "application", number>;
}

/**
 * One page for Prometheus: the agent's own metrics, Envoy's, the application's. A part that can't be had is counted and
 * left out: the others are still worth having.
 */
export async function mergedMetrics(
  prometheusPort: number,
  app: AppMetrics,
  counters: AgentCounters,
  identity: Identity,
): Promise<string> {
  counters.scrapes += 1;
  const scrape = async (part: "envoy" | "application", port: number, path: string): Promise<string> => {
    try {
      // the text form that every Prometheus reads: parts of different forms can't be joined
      const headers = { accept: "text/plain;version=0.0.4" };
      const answer = await localRequest({
        method: "GET",
        port,
        path,
        headers,
        timeoutMs: scrapeTimeoutMs,
        maxBytes: maxMetricsBytes,
      });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      return answer.body;
    } catch {
      counters.failedScrapes.set(part, (counters.failedScrapes.get(part) ?? 0) + 1);
      return "";
    }
  };
  const [envoy, ...apps] = await Promise.all([
    scrape("envoy", prometheusPort, "/stats/prometheus"),
    ...app.targets.map(({ port, path }) => scrape("application", port, path)),
  ]);
  return [agentMetrics(counters), identityMetrics(identity), withoutEnvoyPrefix(envoy), ...apps.map(withoutEnd)]
    .map(terminated)
    .join("");
}

/** Envoy puts its name before every metric; Istio's own have none: `istio_requests_total`. */
export function withoutEnvoyPrefix(text: string): string {
  return text.replaceAll(/^(# (?:TYPE|HELP) )?envoy_istio_/gm, "$1istio_");
}

/** OpenMetrics ends with a mark that must not stand in the middle. */
function withoutEnd(text: string): string {
  return text.replace(/# EOF\s*$/, "");
}

function terminated(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function agentMetrics(counters: AgentCounters): string {
  const { rss, heapUsed } = process.memoryUsage();
  const failed = [...counters.failedScrapes].map(
    ([part, count]) => `istio_agent_scrape_failures_total{type="${part}"} ${count}\n`,
  );
  return [
    metric("istio_agent_startup_time_seconds", "gauge", counters.startedAt / 1000),
    metric("istio_agent_process_resident_memory_bytes", "gauge", rss),
    metric("istio_agent_process_heap_bytes", "gauge", heapUsed),
    metric("istio_agent_envoy_starts_total", "counter", counters.envoyStarts),
    metric("istio_agent_scrapes_total", "counter", counters.scrapes),
    ...(failed.length > 0 ? ["# TYPE istio_agent_scrape_failures_total counter\n", ...failed] : []),
  ].join("");
}

/** Istio: the names of pilot-agent's. */
function identityMetrics({ endsAt, counters }: Identity): string {
  const { requests, failures, retries, latencyMs, fileFailures, pushes } = counters;
  const csr = 'request_type="csr"';
  return [
    // Seconds that are left; negative when it has ended.
    ...(endsAt === undefined
      ? []
      : [metric("istio_agent_cert_expiry_seconds", "gauge", (endsAt - Date.now()) / 1000, 'resource_name="default"')]),
    metric("istio_agent_num_outgoing_requests", "counter", requests, csr),
    metric("istio_agent_num_failed_outgoing_requests", "counter", failures, csr),
    metric("istio_agent_num_outgoing_retries", "counter", retries, csr),
    metric("istio_agent_outgoing_latency", "counter", latencyMs, csr),
    metric("istio_agent_num_file_secret_failures_total", "counter", fileFailures),
    metric("istio_agent_pilot_xds_pushes", "counter", pushes, 'type="sds"'),
  ].join("");
}

function metric(name: string, type: string, value: number, label = ""): string {
  return `# TYPE ${name} ${type}\n${name}${label === "" ? "" : `{${label}}`} ${value}\n`;
}
