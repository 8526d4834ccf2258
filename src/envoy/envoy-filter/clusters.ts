import type { Cluster } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import { patchedType } from "#config/patch-value.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";
import { parseClusterName } from "../names.ts";
import { valueOf } from "./insert.ts";
import { mergeConfig, mergeMessage } from "./merge.ts";
import { mergeOf, type Patching } from "./patching.ts";

/** `hosts`: of the services behind an inbound cluster, whose name doesn't tell. Istio: clusterMatch. */
export function matchesCluster(name: string, { match }: Patch, hosts: readonly string[]): boolean {
  const wanted = match.cluster;
  if (wanted === undefined) return true;
  if (wanted.name) return wanted.name === name;
  const { direction, port = 0, subset = "", hostname = "" } = parseClusterName(name) ?? {};
  const services = direction === "inbound" && hosts.length > 0 ? hosts : [hostname];
  if (wanted.subset && wanted.subset !== subset) return false;
  if (wanted.service && !services.includes(wanted.service)) return false;
  return !wanted.portNumber || wanted.portNumber === port;
}

/** Changes a cluster in place; false when it is to be removed. Istio: ApplyClusterMerge. */
export function patchCluster(cluster: Cluster, patching: Patching, hosts: readonly string[]): boolean {
  for (const patch of patching.of("CLUSTER")) {
    if (!matchesCluster(cluster.name, patch, hosts)) continue;
    if (patch.operation === "REMOVE") {
      patching.applied(patch);
      return false;
    }
    const lists = mergeOf(patch);
    if (lists === undefined || patch.value === undefined) continue;
    const value = valueOf<Cluster>(patch);
    if (value.transportSocket) {
      patchTransportSocket(cluster, value.transportSocket);
      delete value.transportSocket;
    }
    mergeMessage(patchedType("CLUSTER"), cluster, value, lists);
    patching.applied(patch);
  }
  return true;
}

/**
 * Merged into a socket of the same name. Where sockets are chosen by endpoint, only into the first that has the name: Envoy
 * wants none beside them.
 */
function patchTransportSocket(cluster: Cluster, given: TransportSocket): void {
  const choices = cluster.transportSocketMatches.map(({ transportSocket }) => transportSocket);
  const mine = [...choices, cluster.transportSocket].find((socket) => socket?.name === given.name);
  if (mine === undefined) {
    if (choices.length === 0) cluster.transportSocket = given;
    return;
  }
  if (mine.configType.case !== "typedConfig" || given.configType.case !== "typedConfig") return;
  const merged = mergeConfig(mine.configType.value, given.configType.value);
  if (merged) mine.configType = { case: "typedConfig", value: merged };
}
