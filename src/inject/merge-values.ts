/** Maps merge key by key, anything else is replaced; null removes what was there. */
export function mergeValues(base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete merged[key];
    else merged[key] = key in merged ? mergeValues(merged[key], value) : withoutNulls(value);
  }
  return merged;
}

function withoutNulls(value: unknown): unknown {
  return isMap(value) ? mergeValues({}, value) : value;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
