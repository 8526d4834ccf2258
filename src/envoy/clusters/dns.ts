import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Cluster_DnsLookupFamily } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import { CaresDnsResolverConfigSchema } from "#api/envoy/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { duration } from "../proto.ts";
import type { buildCluster } from "./cluster.ts";

/** After so many queries a UDP socket is replaced: an old port may have been forgotten by what is between. */
const resolver = {
  name: "envoy.network.dns_resolver.cares",
  typedConfig: anyPack(CaresDnsResolverConfigSchema, create(CaresDnsResolverConfigSchema, { udpMaxQueries: 100 })),
};

/** How a cluster's names are resolved. */
export function dnsSettings(mesh: MeshConfig): Partial<Parameters<typeof buildCluster>[2]> {
  return {
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_ONLY,
    dnsRefreshRate: duration(mesh.dnsRefreshRateMs),
    dnsJitter: duration(100),
    respectDnsTtl: true,
    typedDnsResolverConfig: resolver,
  };
}
