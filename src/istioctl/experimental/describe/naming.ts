import type { ObjectMeta } from "kubernetes-types/meta/v1.d.ts";

/** How an object is called: with its namespace only where that isn't the one that is looked at. */
export type Naming = (object: { readonly metadata?: ObjectMeta }) => string;

export function namingIn(namespace: string): Naming {
  return ({ metadata = {} }) =>
    metadata.namespace === namespace ? (metadata.name ?? "") : `${metadata.name ?? ""}.${metadata.namespace ?? ""}`;
}
