import type { MeshConfig } from "#model/mesh-config.ts";
import { blackHoleCluster, clusterName, passthroughCluster } from "./names.ts";

/** The cluster that calls of what no service has go to. Istio: outboundTrafficPolicy. */
export function unknownDestination({ outboundTrafficPolicy: { mode, egressProxy } }: MeshConfig): string {
  if (mode !== "ALLOW_ANY") return blackHoleCluster;
  if (egressProxy === undefined) return passthroughCluster;
  return clusterName("outbound", egressProxy.port?.number ?? 0, egressProxy.subset ?? "", egressProxy.host);
}
