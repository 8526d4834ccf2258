import { Counter, type Registry } from "prom-client";

/** Metrics of reading keys, under Istio's names. */
export interface KeyMetrics {
  readonly read: () => void;
  readonly failed: () => void;
}

export function createKeyMetrics(registry: Registry): KeyMetrics {
  const counter = (result: string, help: string): Counter =>
    new Counter({ name: `pilot_jwks_resolver_network_fetch_${result}_total`, help, registers: [registry] });
  const read = counter("success", "Times that something was read for keys of tokens.");
  const failed = counter("fail", "Times that it couldn't be.");
  return { read: () => read.inc(), failed: () => failed.inc() };
}
