import { isJsonObject, jsonEqual } from "./json-value.ts";

/** Merge keys are compared as text: 80 and "80" are the same port (Kubernetes does so too). */
export function keyText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function sameItem(a: unknown, b: unknown, key: string | undefined): boolean {
  if (key === undefined) return jsonEqual(a, b);
  return isJsonObject(a) && isJsonObject(b) && keyText(a[key]) === keyText(b[key]);
}

/**
 * The order of a merged list: items that `order` names stand in its order, the server's own items keep theirs, and where
 * the place of both is known from `before` the older order decides; else the named item goes first (Kubernetes: `normalizeElementOrder`).
 * `key` is the merge key; undefined for a list of scalars.
 */
export function listOrder(
  merged: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const rank = (list: readonly unknown[], item: unknown): number =>
    list.findIndex((other) => sameItem(other, item, key));
  const place = (item: unknown): number => {
    const index = rank(before, item);
    return index < 0 ? Number.MAX_SAFE_INTEGER : index;
  };
  const named = merged.filter((item) => rank(order, item) >= 0).sort((a, b) => rank(order, a) - rank(order, b));
  const others = merged.filter((item) => rank(order, item) < 0).sort((a, b) => place(a) - place(b));
  const result: unknown[] = [];
  let next = 0;
  for (const item of others) {
    // A server's item waits until it is known to stand before the next named one.
    for (; next < named.length; next++) {
      const known = rank(before, named[next]);
      if (known >= 0 && rank(before, item) >= 0 && rank(before, item) < known) break;
      result.push(named[next]);
    }
    result.push(item);
  }
  return [...result, ...named.slice(next)];
}
