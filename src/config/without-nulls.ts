/**
 * `value` without the object fields that are null, as the API server prunes them. The same value when there are none. Nulls in
 * lists stay: they are errors.
 */
export function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) {
    const items = value.map(withoutNulls);
    return items.some((item, index) => item !== value[index]) ? (items as T) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  let changed = false;
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const clean = withoutNulls(item);
    if (clean !== item || item === null) changed = true;
    if (item !== null) kept[key] = clean;
  }
  return changed ? (kept as T) : value;
}
