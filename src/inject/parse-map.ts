import { parse } from "yaml";

/** A YAML or JSON map; empty text is an empty map. Throws, naming `what`, for anything else. */
export function parseMap(text: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new Error(`${what}: not YAML: ${(cause as Error).message}`, { cause });
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Error(`${what}: expected a YAML map`);
  return value as Readonly<Record<string, unknown>>;
}
