import type { Any } from "@bufbuild/protobuf/wkt";
import type { Patch } from "#snapshot/envoy-filters.ts";
import { mergeConfig } from "./merge.ts";
import type { Patching } from "./patching.ts";

/** What network filters and HTTP filters have in common. */
interface ConfiguredFilter {
  name: string;
  configType: { case: "typedConfig"; value: Any } | { case: "configDiscovery"; value: unknown } | { case: undefined };
}

/** Merges into a filter's configuration; a patch without one only renames the filter. */
export function mergeFilter(filter: ConfiguredFilter, patch: Patch, patching: Patching): void {
  const given = patch.value as unknown as ConfiguredFilter | undefined;
  if (given === undefined || filter.configType.case !== "typedConfig") return;
  if (given.configType.case === "typedConfig") {
    const merged = mergeConfig(filter.configType.value, given.configType.value);
    // Another filter's configuration: a patch that names no filter is tried on all of them.
    if (merged === undefined) return;
    filter.configType.value = merged;
  }
  if (given.name !== "") filter.name = given.name;
  patching.applied(patch);
}
