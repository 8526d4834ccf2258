import type { ObjectMeta } from "kubernetes-types/meta/v1.d.ts";

/** The order in which Gateway API resources win conflicts: the oldest first, then by namespace and name. */
export function compareObjects(a: { readonly metadata: ObjectMeta }, b: { readonly metadata: ObjectMeta }): number {
  const age =
    (Date.parse(a.metadata.creationTimestamp ?? "") || 0) - (Date.parse(b.metadata.creationTimestamp ?? "") || 0);
  if (age !== 0) return age;
  const left = `${a.metadata.namespace ?? ""}/${a.metadata.name ?? ""}`;
  const right = `${b.metadata.namespace ?? ""}/${b.metadata.name ?? ""}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
