import type { ApplyTo, PatchContext } from "#api/istio/envoy-filter.ts";
import type { Patch, Patches } from "#snapshot/envoy-filters.ts";
import type { ListMerge } from "./merge.ts";

/** The patches for one part of a proxy's configuration, and which of them had an effect. */
export interface Patching {
  readonly context: PatchContext;
  /** In order. */
  of(applyTo: ApplyTo): readonly Patch[];
  /** Notes that a patch had an effect. */
  applied(patch: Patch): void;
  /** The EnvoyFilters whose patches had one. */
  readonly sources: ReadonlySet<string>;
}

export function startPatching(patches: Patches, context: PatchContext): Patching {
  const sources = new Set<string>();
  const inContext = ({ match }: Patch): boolean => (match.context ?? "ANY") === "ANY" || match.context === context;
  return {
    context,
    of: (applyTo) => (patches.get(applyTo) ?? []).filter(inContext),
    applied: ({ source }) => void sources.add(source),
    sources,
  };
}

/** How a patch merges lists; undefined if it doesn't merge. */
export function mergeOf({ operation }: Patch): ListMerge | undefined {
  if (operation === "MERGE") return "append";
  return operation === "MERGE_AND_REPLACE_LIST" ? "replace" : undefined;
}
