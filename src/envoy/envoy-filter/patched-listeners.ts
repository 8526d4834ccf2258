import { TrafficDirection } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { ApplyTo } from "#api/istio/envoy-filter.ts";
import { memo } from "#model/memo.ts";
import type { Patches } from "#snapshot/envoy-filters.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, withOwn } from "#xds/resource-set.ts";
import { byName } from "../proto.ts";
import { patchListener } from "./listeners.ts";
import { additions, decode, outbound, type Place, patched, places, placesOf } from "./patched-resource.ts";
import { startPatching } from "./patching.ts";

const listenerTypes: readonly ApplyTo[] = [
  "LISTENER",
  "LISTENER_FILTER",
  "FILTER_CHAIN",
  "NETWORK_FILTER",
  "HTTP_FILTER",
];

/** Inbound listeners hold their routes. */
const inboundTypes: readonly ApplyTo[] = [...listenerTypes, "ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"];

const isInbound = memo(
  (resource: Resource): boolean => decode<Listener>("LISTENER", resource).trafficDirection === TrafficDirection.INBOUND,
);

const patchedListener = memo((resource: Resource, patches: Patches, { context }: Place) => {
  const patching = startPatching(patches, context);
  return patched<Listener>("LISTENER", resource, patching, (listener) => patchListener(listener, patching));
});

/** The listeners of a proxy after its patches. */
export const patchedListeners: (view: ProxyView, set: ResourceSet) => ResourceSet = memo(
  (view: ProxyView, set: ResourceSet) => {
    const { patches } = view;
    if (!patches || !inboundTypes.some((type) => patches.has(type))) return set;
    const concerned = placesOf(view).filter((place) => isPatched(patches, place));
    const own = set.own.flatMap((resource) => {
      const place = view.proxy.type === "sidecar" && isInbound(resource) ? places.SIDECAR_INBOUND : outbound(view);
      return concerned.includes(place) ? (patchedListener(resource, patches, place) ?? []) : [resource];
    });
    const place = outbound(view);
    const shared = concerned.includes(place) ? patchedShared(set.shared, patches, place) : set.shared;
    return withOwn(shared, byName([...own, ...additions(view, "LISTENER")]));
  },
);

/** Listeners that proxies share are for what goes out; those of proxies with the same patches stay shared. */
const patchedShared = memo((resources: readonly Resource[], patches: Patches, place: Place) =>
  sharedList(byName(resources.flatMap((resource) => patchedListener(resource, patches, place) ?? []))),
);

function isPatched(patches: Patches, { context }: Place): boolean {
  const patching = startPatching(patches, context);
  const types = context === "SIDECAR_INBOUND" ? inboundTypes : listenerTypes;
  return types.some((type) => patching.of(type).length > 0);
}
