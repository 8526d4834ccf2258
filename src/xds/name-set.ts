import { hash } from "node:crypto";
import { createPool } from "#model/pool.ts";

const sets = createPool<ReadonlySet<string>>();

/** The set of these names, in order. Clients that ask for the same names get the same set, which nobody changes. */
export function nameSet(names: readonly string[]): ReadonlySet<string> {
  const sorted = [...new Set(names)].sort();
  return sets.get(hash("sha256", sorted.join("\n"), "base64url"), () => new Set(sorted));
}
