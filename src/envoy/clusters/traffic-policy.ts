import type { PortPolicy, TrafficPolicy } from "#api/istio/destination-rule.ts";

/** The settings for one port of one subset (or of the whole service). Istio: MergeTrafficPolicy. */
export function effectivePolicy(
  rule: TrafficPolicy | null | undefined,
  subset: TrafficPolicy | null | undefined,
  port: number,
): PortPolicy {
  return merge(merge({}, rule, port), subset, port);
}

function merge(base: PortPolicy, policy: TrafficPolicy | null | undefined, port: number): PortPolicy {
  if (!policy) return base;
  // A port's own settings inherit nothing: what they leave out has its default.
  const own = policy.portLevelSettings?.find((setting) => setting.port?.number === port);
  return own === undefined ? { ...base, ...parts(policy) } : parts(own);
}

function parts({ loadBalancer, connectionPool, outlierDetection, tls }: PortPolicy): PortPolicy {
  return {
    ...(loadBalancer ? { loadBalancer } : {}),
    ...(connectionPool ? { connectionPool } : {}),
    ...(outlierDetection ? { outlierDetection } : {}),
    ...(tls ? { tls } : {}),
  };
}
