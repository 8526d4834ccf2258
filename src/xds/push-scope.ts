/** What a push may have changed: everything, or endpoints alone. */
export type PushScope = "all" | "endpoints";

/** A push that covers both. */
export function mergeScopes(a: PushScope | undefined, b: PushScope): PushScope {
  return a === "all" ? a : b;
}
