import { Cluster_LbPolicy } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { LoadBalancer } from "#api/istio/destination-rule.ts";
import { utilizationBalancing } from "./backend-utilization.ts";
import type { buildCluster } from "./cluster.ts";
import { slowStart } from "./slow-start.ts";

type Differences = Pick<Parameters<typeof buildCluster>[2], "lbPolicy" | "lbConfig" | "loadBalancingPolicy">;

/**
 * `weighted`: localities have shares of their own. Istio: applyLoadBalancer. `PASSTHROUGH` changes the cluster's type and is handled
 * where that is decided.
 */
export function loadBalancing(settings: LoadBalancer | undefined, weighted: boolean): Differences {
  const { consistentHash, simple } = settings ?? {};
  if (settings?.backendUtilization)
    return utilizationBalancing(settings.backendUtilization, slowStart(settings), weighted);
  if (consistentHash?.maglev) {
    const { tableSize } = consistentHash.maglev;
    return {
      lbPolicy: Cluster_LbPolicy.MAGLEV,
      ...(tableSize ? { lbConfig: { case: "maglevLbConfig", value: { tableSize: BigInt(tableSize) } } } : {}),
    };
  }
  if (consistentHash) {
    const size = consistentHash.ringHash
      ? consistentHash.ringHash.minimumRingSize
      : consistentHash.minimumRingSize || 1024;
    return {
      lbPolicy: Cluster_LbPolicy.RING_HASH,
      ...(size ? { lbConfig: { case: "ringHashLbConfig", value: { minimumRingSize: BigInt(size) } } } : {}),
    };
  }
  if (simple === "RANDOM") return { lbPolicy: Cluster_LbPolicy.RANDOM };
  const slowStartConfig = slowStart(settings);
  if (simple === "ROUND_ROBIN") {
    return {
      lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
      ...(slowStartConfig ? { lbConfig: { case: "roundRobinLbConfig", value: { slowStartConfig } } } : {}),
    };
  }
  return {
    lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
    ...(slowStartConfig ? { lbConfig: { case: "leastRequestLbConfig", value: { slowStartConfig } } } : {}),
  };
}
