import { findProxy, type InjectablePod } from "./pod.ts";

/** Prometheus replaces what a label name can't hold, so `prometheus.io/port` and `prometheus.io.port` are one. */
const plain = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, "_");

type Annotations = Readonly<Record<string, string>>;

function prometheusAnnotation(annotations: Annotations, name: "scrape" | "port" | "path"): string | undefined {
  return Object.entries(annotations).find(([key]) => plain(key) === `prometheus_io_${name}`)?.[1];
}

/** Annotations without the Prometheus ones, in any spelling. */
export function withoutPrometheus(annotations: Annotations): Record<string, string> {
  const names = ["prometheus_io_scrape", "prometheus_io_port", "prometheus_io_path"];
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !names.includes(plain(key))));
}

/** Whether an earlier injection already points Prometheus at the agent. */
export function scrapesAgent(annotations: Annotations, agentPort: number): boolean {
  return prometheusAnnotation(annotations, "port") === String(agentPort);
}

/**
 * Prometheus scrapes the agent, which merges the application's metrics with the proxy's: the pod's own annotations move
 * into the agent's environment. Changes the pod. Not done when the pod says `scrape: false` or merging is off.
 */
export function mergePrometheus(pod: InjectablePod, agentPort: number, enabledByMesh: boolean): void {
  const meta = (pod.metadata ??= {});
  const annotations = meta.annotations ?? {};
  if (prometheusAnnotation(annotations, "scrape")?.toLowerCase() === "false") return;
  const own = annotations["prometheus.istio.io/merge-metrics"];
  if (own === undefined ? !enabledByMesh : own !== "true") return;
  if (scrapesAgent(annotations, agentPort)) return;
  const scrape = prometheusAnnotation(annotations, "scrape");
  const port = prometheusAnnotation(annotations, "port");
  const path = prometheusAnnotation(annotations, "path");
  const { "prometheus.istio.io/scrape-targets": targets, ...rest } = annotations;
  const proxy = pod.spec && findProxy(pod.spec);
  if (proxy && (scrape ?? port ?? path ?? targets) !== undefined) {
    const list = targets === undefined ? [] : scrapeTargets(targets);
    const config = {
      scrape: scrape ?? "",
      path: path ?? list[0]?.path ?? "",
      port: port ?? list[0]?.port ?? "",
      ...(list.length > 0 ? { targets: list } : {}),
    };
    proxy.env = [...(proxy.env ?? []), { name: "ISTIO_PROMETHEUS_ANNOTATIONS", value: JSON.stringify(config) }];
  }
  meta.annotations = {
    ...withoutPrometheus(rest),
    "prometheus.io/port": String(agentPort),
    "prometheus.io/path": "/stats/prometheus",
    "prometheus.io/scrape": "true",
  };
}

/** `8080:/metrics,9100:/other`: several ports of the application. */
function scrapeTargets(text: string): { port: string; path: string }[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => {
      const [port = "", ...path] = item.split(":");
      return { port, path: path.join(":") || "/metrics" };
    });
}
