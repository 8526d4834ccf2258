import { create, toJson } from "@bufbuild/protobuf";
import { envoyTypes } from "#api/envoy/types.ts";
import { patchedType } from "#config/patch-value.ts";
import type { Patches } from "#snapshot/envoy-filters.ts";
import { mergeMessage } from "./merge.ts";
import { mergeOf } from "./patching.ts";

/**
 * What a proxy's patches put on top of its bootstrap, as JSON that Envoy merges itself (`--config-yaml`); undefined for nothing. Only
 * merging makes sense there.
 */
export function bootstrapPatch(patches: Patches | undefined): string | undefined {
  if (!patches?.has("BOOTSTRAP")) return undefined;
  const type = patchedType("BOOTSTRAP");
  const result = create(type);
  let isPatched = false;
  for (const patch of patches.get("BOOTSTRAP") ?? []) {
    const lists = mergeOf(patch);
    if (lists === undefined || patch.value === undefined) continue;
    mergeMessage(type, result, patch.value, lists);
    isPatched = true;
  }
  if (!isPatched) return undefined;
  return JSON.stringify(toJson(type, result, { registry: envoyTypes(), useProtoFieldName: true }));
}
