import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type CaMetrics, createCaMetrics } from "./identity/ca-metrics.ts";
import { createKeyMetrics, type KeyMetrics } from "./token-keys/key-metrics.ts";

/** istiod's metrics, under Istio's names. Times are in seconds. */
export interface Metrics {
  readonly connected: (version: string, by: 1 | -1) => void;
  readonly sent: (type: string, bytes: number) => void;
  readonly rejected: (type: string) => void;
  readonly converged: (seconds: number) => void;
  readonly event: (type: string) => void;
  readonly pushed: (cause: "config" | "endpoint") => void;
  readonly snapshot: (counts: { readonly services: number; readonly virtualServices: number }) => void;
  readonly reviewed: (webhook: "inject" | "validate", allowed: boolean) => void;
  readonly ca: CaMetrics;
  readonly tokenKeys: KeyMetrics;
  /** The Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram =>
    new Histogram({ name, help, buckets, labelNames, registers });

  const connected = gauge("pilot_xds", "Proxies connected over xDS.", ["version"]);
  const pushes = counter("pilot_xds_pushes", "Responses sent, by type.", ["type"]);
  const rejects = counter("pilot_total_xds_rejects", "Responses that proxies rejected, by type.", ["type"]);
  const times = [0.1, 0.5, 1, 3, 5, 10, 20, 30];
  const convergence = histogram(
    "pilot_proxy_convergence_time",
    "From a change until a proxy has accepted what follows from it, seconds.",
    times,
  );
  const sizes = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];
  const size = histogram("pilot_xds_config_size_bytes", "Size of responses, by type.", sizes, ["type"]);
  const services = gauge("pilot_services", "Services known.");
  const virtualServices = gauge("pilot_virt_services", "VirtualServices in effect.");
  const triggers = counter("pilot_push_triggers", "Pushes, by cause.", ["type"]);
  const registryEvents = counter("pilot_k8s_reg_events", "Changes seen in the cluster, by type.", ["type"]);
  const injections = counter("sidecar_injection_requests_total", "Injection requests.");
  const injected = counter("sidecar_injection_success_total", "Injection requests answered well.");
  const refused = counter("sidecar_injection_failure_total", "Injection requests refused.");
  const valid = counter("galley_validation_passed", "Resources found valid.");
  const invalid = counter("galley_validation_failed", "Resources refused.");
  gauge("pilot_info", "Version of this control plane.", ["version"]).set({ version }, 1);

  return {
    connected: (proxyVersion, by) => connected.inc({ version: proxyVersion || "unknown" }, by),
    sent(type, bytes) {
      pushes.inc({ type });
      size.observe({ type }, bytes);
    },
    rejected: (type) => rejects.inc({ type }),
    converged: (seconds) => convergence.observe(seconds),
    event: (type) => registryEvents.inc({ type }),
    pushed: (type) => triggers.inc({ type }),
    snapshot(counts) {
      services.set(counts.services);
      virtualServices.set(counts.virtualServices);
    },
    reviewed(webhook, allowed) {
      if (webhook === "validate") return (allowed ? valid : invalid).inc();
      injections.inc();
      (allowed ? injected : refused).inc();
    },
    ca: createCaMetrics(registry),
    tokenKeys: createKeyMetrics(registry),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
