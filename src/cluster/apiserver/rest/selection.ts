import { parseFieldSelector } from "../field-selector.ts";
import type { Kind } from "../kinds/kind.ts";
import { parseLabelSelector } from "../label-selector.ts";
import type { Obj } from "../object.ts";

export type Selection = (object: Obj) => boolean;

/** `labelSelector` and `fieldSelector` of a request as one test. Throws a 400 for what can't be understood. */
export function selectionOf(kind: Kind, query: URLSearchParams, name?: string): Selection {
  const labels = parseLabelSelector(query.get("labelSelector") ?? "");
  const used = new Set<string>();
  const known = new Set(["metadata.name", ...(kind.namespaced ? ["metadata.namespace"] : []), ...kind.selectable]);
  const fields = parseFieldSelector(query.get("fieldSelector") ?? "", (field) => {
    used.add(field);
    return known.has(field);
  });
  return (object) => {
    if (name !== undefined && object.metadata.name !== name) return false;
    if (!labels(object.metadata.labels)) return false;
    if (used.size === 0) return true;
    const values: Record<string, string> = {};
    for (const field of used) values[field] = valueOf(kind, object, field);
    return fields(values);
  };
}

function valueOf(kind: Kind, object: Obj, field: string): string {
  if (field === "metadata.name") return object.metadata.name ?? "";
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  return kind.selectableValue?.(object, field) ?? "";
}
