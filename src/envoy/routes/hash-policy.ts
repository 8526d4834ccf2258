import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RouteAction_HashPolicy,
  RouteAction_HashPolicySchema,
} from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { ConsistentHash, TrafficPolicy } from "#api/istio/destination-rule.ts";
import type { Destination } from "#api/istio/virtual-service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import { durationOf } from "../proto.ts";

export type HashPolicy = Exclude<MessageInitShape<typeof RouteAction_HashPolicySchema>, RouteAction_HashPolicy>;

/** What a destination's requests are hashed by, where its DestinationRule says so. Istio: HashForHTTPDestination. */
export function hashOf(policy: DestinationPolicy | undefined, destination: Destination): ConsistentHash | undefined {
  const port = destination.port?.number;
  const subset = policy?.subsets.find(({ name }) => name === destination.subset)?.trafficPolicy;
  return (
    ofPort(subset, port) ??
    subset?.loadBalancer?.consistentHash ??
    ofPort(policy?.trafficPolicy, port) ??
    policy?.trafficPolicy?.loadBalancer?.consistentHash
  );
}

function ofPort(policy: TrafficPolicy | null | undefined, port: number | undefined): ConsistentHash | undefined {
  if (port === undefined) return undefined;
  return policy?.portLevelSettings?.find((setting) => setting.port?.number === port)?.loadBalancer?.consistentHash;
}

/** The route's part of consistent hashing. */
export function hashPolicy(hash: ConsistentHash | undefined): HashPolicy | undefined {
  if (hash?.httpHeaderName !== undefined) {
    return { policySpecifier: { case: "header", value: { headerName: hash.httpHeaderName } } };
  }
  if (hash?.httpCookie) {
    const { name, path = "", ttl, attributes = [] } = hash.httpCookie;
    const lifetime = durationOf(ttl);
    const value = {
      name,
      path,
      ...(lifetime ? { ttl: lifetime } : {}),
      attributes: attributes.map((attribute) => ({ name: attribute.name, value: attribute.value ?? "" })),
    };
    return { policySpecifier: { case: "cookie", value } };
  }
  if (hash?.useSourceIp !== undefined) {
    return { policySpecifier: { case: "connectionProperties", value: { sourceIp: hash.useSourceIp } } };
  }
  if (hash?.httpQueryParameterName !== undefined) {
    return { policySpecifier: { case: "queryParameter", value: { name: hash.httpQueryParameterName } } };
  }
  return undefined;
}
