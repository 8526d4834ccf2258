/** Settings of istiod for how policies find workloads. */
export interface Attachment {
  /** Whether policies with selectors are also for proxies of Gateways of the Gateway API, or only those that name them as targets. */
  readonly selectsGateways: boolean;
}

/** Istio's default. */
export const selectsAll: Attachment = Object.freeze({ selectsGateways: true });
