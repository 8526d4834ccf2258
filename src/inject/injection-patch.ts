import type { InjectablePod } from "./pod.ts";

/** One operation of RFC 6902. */
export interface PatchOperation {
  readonly op: "add" | "replace";
  readonly path: string;
  readonly value: unknown;
}

/** The JSON patch from a pod to its injected self: labels, annotations and spec are all that injection changes. */
export function injectionPatch(before: InjectablePod, after: InjectablePod): PatchOperation[] {
  const patch = (path: string, from: unknown, to: unknown): PatchOperation[] => {
    if (to === undefined || JSON.stringify(from) === JSON.stringify(to)) return [];
    return [{ op: from === undefined ? "add" : "replace", path, value: to }];
  };
  if (!before.metadata)
    return [{ op: "add", path: "/metadata", value: after.metadata }, ...patch("/spec", before.spec, after.spec)];
  return [
    ...patch("/metadata/labels", before.metadata.labels, after.metadata?.labels),
    ...patch("/metadata/annotations", before.metadata.annotations, after.metadata?.annotations),
    ...patch("/spec", before.spec, after.spec),
  ];
}
