import { clone, type Message } from "@bufbuild/protobuf";
import { patchedType } from "#config/patch-value.ts";
import type { Patch } from "#snapshot/envoy-filters.ts";

/** A copy of the patch's value, to be put somewhere. */
export function valueOf<T extends Message>({ applyTo, value }: Patch): T {
  if (value === undefined) throw new Error(`a patch for ${applyTo} has no value`);
  return clone(patchedType(applyTo), value) as T;
}

/**
 * Does to a list what the patch says, other than merging. `matches` chooses the element that it is relative to; undefined when the
 * patch names none. Returns whether something was done. Istio: doHTTPFilterListOperation and its like.
 */
export function changeList<T extends Message>(
  list: T[],
  patch: Patch,
  matches: ((item: T) => boolean) | undefined,
): boolean {
  const at = matches === undefined ? -1 : list.findIndex(matches);
  switch (patch.operation) {
    case "ADD":
      list.push(valueOf(patch));
      return true;
    case "INSERT_FIRST":
      list.unshift(valueOf(patch));
      return true;
    case "INSERT_BEFORE":
      if (matches === undefined) list.unshift(valueOf(patch));
      else if (at >= 0) list.splice(at, 0, valueOf(patch));
      return matches === undefined || at >= 0;
    case "INSERT_AFTER":
      if (matches === undefined) list.push(valueOf(patch));
      else if (at >= 0) list.splice(at + 1, 0, valueOf(patch));
      return matches === undefined || at >= 0;
    case "REPLACE":
      if (at >= 0) list[at] = valueOf(patch);
      return at >= 0;
    case "REMOVE":
      if (matches === undefined || at < 0) return false;
      removeWhere(list, matches);
      return true;
    default:
      return false;
  }
}

/** In place. */
function removeWhere<T>(list: T[], gone: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter((item) => !gone(item)));
}
