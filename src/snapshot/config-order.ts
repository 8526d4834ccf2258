import type { ObjectMeta } from "kubernetes-types/meta/v1.d.ts";

/** The order in which resources win conflicts: the oldest first, then by name and namespace. Istio: sortByCreationComparator. */
export function byAge(a: { readonly metadata?: ObjectMeta }, b: { readonly metadata?: ObjectMeta }): number {
  return (
    created(a.metadata) - created(b.metadata) ||
    compareText(a.metadata?.name ?? "", b.metadata?.name ?? "") ||
    compareText(a.metadata?.namespace ?? "", b.metadata?.namespace ?? "")
  );
}

function created(metadata: ObjectMeta | undefined): number {
  return Date.parse(metadata?.creationTimestamp ?? "") || 0;
}

/** By code units, so that the result doesn't hang on a locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
