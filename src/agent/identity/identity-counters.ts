/** What the agent counts about certificates. Istio: the metrics of pilot-agent, without their prefix. */
export interface IdentityCounters {
  /** Requests to the CA: `num_outgoing_requests`, `num_failed_outgoing_requests`, `num_outgoing_retries`. */
  requests: number;
  failures: number;
  retries: number;
  /** `outgoing_latency`: all requests together, ms. */
  latencyMs: number;
  /** `num_file_secret_failures_total` */
  fileFailures: number;
  /** `pilot_xds_pushes`, of type `sds`. */
  pushes: number;
}

export function newIdentityCounters(): IdentityCounters {
  return { requests: 0, failures: 0, retries: 0, latencyMs: 0, fileFailures: 0, pushes: 0 };
}
