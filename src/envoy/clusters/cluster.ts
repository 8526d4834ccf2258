import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { statName } from "../names.ts";
import { duration } from "../proto.ts";

/** 2^32 - 1: Envoy's circuit breakers off. */
const unlimited = 4294967295;

export const noLimits: Readonly<
  Record<"maxConnections" | "maxPendingRequests" | "maxRequests" | "maxRetries", number>
> = {
  maxConnections: unlimited,
  maxPendingRequests: unlimited,
  maxRequests: unlimited,
  maxRetries: unlimited,
};

/** Starts from Istio's defaults of every cluster; `differences` come on top. */
export function buildCluster(
  name: string,
  connectTimeoutMs: number,
  differences: Omit<Exclude<MessageInitShape<typeof ClusterSchema>, Cluster>, "$typeName">,
): Cluster {
  return create(ClusterSchema, {
    name,
    altStatName: statName(name),
    connectTimeout: duration(connectTimeoutMs),
    ...differences,
  });
}
