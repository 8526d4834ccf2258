import type { AgentSettings } from "../settings.ts";

/** Whether the workload's DNS is captured. Istio: ISTIO_META_DNS_CAPTURE. */
export function capturesDns({ kind, env }: AgentSettings): boolean {
  return kind === "sidecar" && env["ISTIO_META_DNS_CAPTURE"] === "true";
}
