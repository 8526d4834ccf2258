import type { ReferenceGrant } from "#api/gateway-api/policy.ts";
import type { Objects } from "./input.ts";

/** Who refers to an object of another namespace. */
interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

interface Referent {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Whether a reference to another namespace is granted there. */
export type Grants = (from: Referrer, to: Referent) => boolean;

/** An index of the grants; an entry without a name grants every object of its kind. */
export function referenceGrants(objects: Objects<ReferenceGrant>): Grants {
  const granted = new Set<string>();
  for (const { metadata, spec } of objects.values()) {
    for (const from of spec.from ?? []) {
      for (const to of spec.to ?? []) {
        granted.add(keyOf(from, { ...to, namespace: metadata.namespace ?? "", name: to.name || "*" }));
      }
    }
  }
  return (from, to) => granted.has(keyOf(from, to)) || granted.has(keyOf(from, { ...to, name: "*" }));
}

function keyOf(from: Referrer, to: Referent): string {
  return [from.group, from.kind, from.namespace, to.group, to.kind, to.namespace, to.name].join("|");
}
