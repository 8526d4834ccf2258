import { fromBinary, type Message } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { ApplyTo, PatchContext } from "#api/istio/envoy-filter.ts";
import { patchedType } from "#config/patch-value.ts";
import { memo } from "#model/memo.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Resource } from "#xds/resource.ts";
import { encodeResource } from "../proto.ts";
import type { Patching } from "./patching.ts";

/*
 * What EnvoyFilters make of the resources that were generated. A resource that no patch has an effect on stays the same object, and
 * one that is patched is the same for all proxies that have the same patches.
 */

/** A part of a proxy's configuration. One object for each, so that results can be remembered by it. */
export interface Place {
  readonly context: PatchContext;
}

export const places: Readonly<Record<PatchContext, Place>> = {
  SIDECAR_INBOUND: { context: "SIDECAR_INBOUND" },
  SIDECAR_OUTBOUND: { context: "SIDECAR_OUTBOUND" },
  GATEWAY: { context: "GATEWAY" },
};

/** What goes out of a sidecar, or all that a gateway does. */
export function outbound({ proxy }: ProxyView): Place {
  return proxy.type === "router" ? places.GATEWAY : places.SIDECAR_OUTBOUND;
}

/** The parts that the proxy has. */
export function placesOf(view: ProxyView): readonly Place[] {
  return view.proxy.type === "router" ? [places.GATEWAY] : [places.SIDECAR_OUTBOUND, places.SIDECAR_INBOUND];
}

/** The message in a resource, of the type that `applyTo` patches. */
export function decode<T extends Message>(applyTo: ApplyTo, { any }: Resource): T {
  return fromBinary(patchedType(applyTo), fromBinary(AnySchema, any).value) as T;
}

type Named = Message & { readonly name: string };

/**
 * The resource after `change`, which says whether it stays: undefined if not, and the same object when no patch had an effect.
 */
export function patched<T extends Named>(
  applyTo: ApplyTo,
  resource: Resource,
  patching: Patching,
  change: (message: T) => boolean,
): Resource | undefined {
  const message = decode<T>(applyTo, resource);
  if (!change(message)) return undefined;
  if (patching.sources.size === 0) return resource;
  return encodeResource(message.name, patchedType(applyTo), message, { patchedBy: [...patching.sources] });
}

const addition = memo(({ applyTo, value, source }: Patch): readonly Resource[] => {
  if (value === undefined) return [];
  return [encodeResource((value as Named).name, patchedType(applyTo), value, { patchedBy: [source] })];
});

/** The resources that patches add; without a context once, for a sidecar on its way out. */
export function additions(view: ProxyView, applyTo: ApplyTo): readonly Resource[] {
  const places = placesOf(view);
  const wanted = (view.patches?.get(applyTo) ?? []).filter(({ operation, match }) => {
    const { context = "ANY" } = match;
    return operation === "ADD" && (context === "ANY" || places.some((place) => place.context === context));
  });
  return wanted.flatMap((patch) => addition(patch));
}
