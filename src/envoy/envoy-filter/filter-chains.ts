import type { Filter, FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { patchedType } from "#config/patch-value.ts";
import { patchConnectionManager } from "./http-filters.ts";
import { changeList, valueOf } from "./insert.ts";
import { filterName, matchesChain, matchesListener } from "./listener-match.ts";
import { mergeConfig, mergeMessage } from "./merge.ts";
import { mergeFilter } from "./merge-filter.ts";
import { mergeOf, type Patching } from "./patching.ts";

/** Istio: patchFilterChains. */
export function patchChains(listener: Listener, patching: Patching): void {
  listener.filterChains = listener.filterChains.filter((chain) => patchChain(listener, chain, patching));
  const last = listener.defaultFilterChain;
  if (last && !patchChain(listener, last, patching)) delete listener.defaultFilterChain;
  for (const patch of patching.of("FILTER_CHAIN")) {
    if (patch.operation !== "ADD" || !matchesListener(listener, patch)) continue;
    listener.filterChains.push(valueOf(patch));
    patching.applied(patch);
  }
}

/** False when the chain is to be removed. */
function patchChain(listener: Listener, chain: FilterChain, patching: Patching): boolean {
  for (const patch of patching.of("FILTER_CHAIN")) {
    if (!matchesListener(listener, patch) || !matchesChain(listener, chain, patch)) continue;
    if (patch.operation === "REMOVE") {
      patching.applied(patch);
      return false;
    }
    const lists = mergeOf(patch);
    if (lists === undefined || patch.value === undefined) continue;
    const value = valueOf<FilterChain>(patch);
    mergeTransportSocket(chain, value);
    mergeMessage(patchedType("FILTER_CHAIN"), chain, value, lists);
    patching.applied(patch);
  }
  patchFilters(listener, chain, patching);
  return true;
}

/** A socket of the same name is merged inside; another replaces the one that is there. */
function mergeTransportSocket(chain: FilterChain, value: FilterChain): void {
  const [mine, given] = [chain.transportSocket, value.transportSocket];
  if (mine?.configType.case !== "typedConfig" || mine.name !== given?.name) return;
  const merged =
    given.configType.case === "typedConfig"
      ? mergeConfig(mine.configType.value, given.configType.value)
      : mine.configType.value;
  if (merged) given.configType = { case: "typedConfig", value: merged };
}

/** Istio: patchNetworkFilters. */
function patchFilters(listener: Listener, chain: FilterChain, patching: Patching): void {
  const patches = patching
    .of("NETWORK_FILTER")
    .filter((patch) => matchesListener(listener, patch) && matchesChain(listener, chain, patch));
  for (const patch of patches) {
    const name = filterName(patch);
    const matches = name === undefined ? undefined : (filter: Filter): boolean => filter.name === name;
    if (changeList(chain.filters, patch, matches)) patching.applied(patch);
  }
  for (const filter of chain.filters) {
    for (const patch of patches) {
      const name = filterName(patch);
      if (mergeOf(patch) && (name === undefined || name === filter.name)) mergeFilter(filter, patch, patching);
    }
    if (filter.name === "envoy.filters.network.http_connection_manager")
      patchConnectionManager(listener, chain, filter, patching);
  }
}
