import type { PortPolicy, TrafficPolicy } from "#api/istio/destination-rule.ts";

/** What holds for one cluster. The parts that ports don't have of their own come from the whole policy. */
export type EffectivePolicy = PortPolicy & Pick<TrafficPolicy, "proxyProtocol" | "retryBudget" | "tunnel">;

/** The settings for one port of one subset (or of the whole service). Istio: MergeTrafficPolicy. */
export function effectivePolicy(
  rule: TrafficPolicy | null | undefined,
  subset: TrafficPolicy | null | undefined,
  port: number,
): EffectivePolicy {
  return merge(merge({}, rule, port), subset, port);
}

function merge(base: EffectivePolicy, policy: TrafficPolicy | null | undefined, port: number): EffectivePolicy {
  if (!policy) return base;
  const { proxyProtocol = base.proxyProtocol, retryBudget = base.retryBudget, tunnel = base.tunnel } = policy;
  const whole = {
    ...(proxyProtocol ? { proxyProtocol } : {}),
    ...(retryBudget ? { retryBudget } : {}),
    ...(tunnel ? { tunnel } : {}),
  };
  // A port's own settings inherit nothing: what they leave out has its default.
  const own = policy.portLevelSettings?.find((setting) => setting.port?.number === port);
  return own === undefined ? { ...base, ...whole, ...parts(policy) } : { ...whole, ...parts(own) };
}

function parts({ loadBalancer, connectionPool, outlierDetection, tls }: PortPolicy): PortPolicy {
  return {
    ...(loadBalancer ? { loadBalancer } : {}),
    ...(connectionPool ? { connectionPool } : {}),
    ...(outlierDetection ? { outlierDetection } : {}),
    ...(tls ? { tls } : {}),
  };
}
