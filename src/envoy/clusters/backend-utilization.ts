import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_LbPolicy,
  LoadBalancingPolicySchema,
} from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClientSideWeightedRoundRobinSchema } from "#api/envoy/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import { WrrLocalitySchema } from "#api/envoy/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js";
import type { BackendUtilization } from "#api/istio/destination-rule.ts";
import { durationOf, extension } from "../proto.ts";
import type { buildCluster } from "./cluster.ts";
import type { SlowStart } from "./slow-start.ts";

const roundRobin = "envoy.load_balancing_policies.client_side_weighted_round_robin";
const byLocality = "envoy.load_balancing_policies.wrr_locality";

/**
 * Endpoints get shares by the load that they report. `weighted`: localities have shares of their own, which come first; Envoy refuses
 * the cluster's usual setting for that beside a policy. Istio: LoadBalancerSettings.backendUtilization.
 */
export function utilizationBalancing(
  settings: BackendUtilization,
  slowStartConfig: SlowStart | undefined,
  weighted: boolean,
): Pick<Parameters<typeof buildCluster>[2], "lbPolicy" | "loadBalancingPolicy"> {
  const { errorUtilizationPenaltyPercent: penalty, metricNamesForComputingUtilization = [] } = settings;
  const blackoutPeriod = durationOf(settings.weightStabilizationPeriod);
  const weightExpirationPeriod = durationOf(settings.weightExpirationPeriod);
  const weightUpdatePeriod = durationOf(settings.weightUpdatePeriod);
  const picking = policyOf(
    extension(
      roundRobin,
      ClientSideWeightedRoundRobinSchema,
      create(ClientSideWeightedRoundRobinSchema, {
        ...(blackoutPeriod ? { blackoutPeriod } : {}),
        ...(weightExpirationPeriod ? { weightExpirationPeriod } : {}),
        ...(weightUpdatePeriod ? { weightUpdatePeriod } : {}),
        ...(penalty === undefined ? {} : { errorUtilizationPenalty: penalty / 100 }),
        ...(slowStartConfig ? { slowStartConfig } : {}),
        metricNamesForComputingUtilization: [...metricNamesForComputingUtilization],
      }),
    ),
  );
  return {
    lbPolicy: Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG,
    loadBalancingPolicy: weighted
      ? policyOf(
          extension(byLocality, WrrLocalitySchema, create(WrrLocalitySchema, { endpointPickingPolicy: picking })),
        )
      : picking,
  };
}

function policyOf(typedExtensionConfig: ReturnType<typeof extension>): NonNullable<Cluster["loadBalancingPolicy"]> {
  return create(LoadBalancingPolicySchema, { policies: [{ typedExtensionConfig }] });
}
