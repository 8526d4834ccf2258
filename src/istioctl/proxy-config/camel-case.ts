/** A message as Envoy prints it, with the names of its fields as Istio prints them (proto JSON): `inline_bytes` is `inlineBytes`. */
export function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replace(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase()),
      camelCase(item),
    ]),
  );
}
