/** Which namespaces see a resource; `.` is its own. */
export function exportTo(
  list: string | readonly string[] | undefined,
  namespace: string,
  fallback: readonly string[],
): ReadonlySet<string> {
  const asked = typeof list === "string" ? list.split(",").map((item) => item.trim()) : (list ?? []);
  const named = asked.filter((item) => item !== "");
  return new Set((named.length > 0 ? named : fallback).map((item) => (item === "." ? namespace : item)));
}

/** Whether a resource that is exported so is seen from `namespace`. */
export function isVisible(exported: ReadonlySet<string>, namespace: string): boolean {
  return exported.has("*") || exported.has(namespace);
}
