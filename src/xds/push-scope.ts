/** What a push may have changed: everything, or endpoints alone, of these groups (`groupOf` of the options). */
export type PushScope = "all" | { readonly endpoints: ReadonlySet<string> };

/** A push that covers both. */
export function mergeScopes(a: PushScope | undefined, b: PushScope): PushScope {
  if (a === undefined) return b;
  if (a === "all" || b === "all") return "all";
  return { endpoints: a.endpoints.union(b.endpoints) };
}
