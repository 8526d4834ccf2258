import type { ListenerFilter } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { patchedType } from "#config/patch-value.ts";
import { patchChains } from "./filter-chains.ts";
import { changeList } from "./insert.ts";
import { matchesListener } from "./listener-match.ts";
import { mergeMessage } from "./merge.ts";
import { mergeOf, type Patching } from "./patching.ts";

/** Changes a listener in place; false when it is to be removed. Istio: patchListener. */
export function patchListener(listener: Listener, patching: Patching): boolean {
  for (const patch of patching.of("LISTENER")) {
    if (!matchesListener(listener, patch)) continue;
    if (patch.operation === "REMOVE") {
      patching.applied(patch);
      return false;
    }
    const lists = mergeOf(patch);
    if (lists === undefined || patch.value === undefined) continue;
    mergeMessage(patchedType("LISTENER"), listener, patch.value, lists);
    patching.applied(patch);
  }
  patchListenerFilters(listener, patching);
  patchChains(listener, patching);
  return true;
}

function patchListenerFilters(listener: Listener, patching: Patching): void {
  for (const patch of patching.of("LISTENER_FILTER")) {
    if (!matchesListener(listener, patch)) continue;
    const name = patch.match.listener?.listenerFilter;
    const matches = name ? (filter: ListenerFilter): boolean => filter.name === name : undefined;
    if (changeList(listener.listenerFilters, patch, matches)) patching.applied(patch);
  }
}
