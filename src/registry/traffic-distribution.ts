import type { TrafficDistribution } from "#model/service.ts";

const annotation = "networking.istio.io/traffic-distribution";

/** Kubernetes calls the same zone "close", too. */
const distributions: Readonly<Record<string, TrafficDistribution>> = {
  preferclose: "PreferSameZone",
  prefersamezone: "PreferSameZone",
  prefersamenode: "PreferSameNode",
};

/** What a Service says itself comes before its annotation. Istio: GetTrafficDistribution. */
export function trafficDistribution(
  specified: string | undefined,
  annotations: Readonly<Record<string, string>> | undefined,
): TrafficDistribution {
  return distributions[(specified ?? annotations?.[annotation] ?? "").toLowerCase()] ?? "Any";
}
