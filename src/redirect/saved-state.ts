import { chainsOf, type Rule } from "./rule-set.ts";

/** Rules by `TABLE CHAIN`; a chain without rules has an empty list. */
type SavedState = ReadonlyMap<string, readonly string[]>;

/** Reads the output of `iptables-save`. */
export function parseSaved(output: string): SavedState {
  const state = new Map<string, string[]>();
  let table = "";
  for (const line of output.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1).trim();
    else if (line.startsWith(":")) state.set(`${table} ${line.slice(1).split(" ")[0]}`, []);
    else if (line.startsWith("-A ")) {
      const key = `${table} ${line.split(" ")[1]}`;
      const rules = state.get(key);
      if (rules) rules.push(line);
      else state.set(key, [line]);
    }
  }
  return state;
}

/** True when an earlier run left a chain of ours, or a jump to one. */
export function hasResidue(state: SavedState): boolean {
  return [...state].some(([key, rules]) => key.includes(" ISTIO_") || rules.some((rule) => rule.includes("-j ISTIO_")));
}

/**
 * True when the chains of ours are exactly those wanted, with as many rules each. The kernel prints rules in another
 * form than it reads them, so equality of each rule is for `iptables -C` to say.
 */
export function sameShape(state: SavedState, rules: readonly Rule[]): boolean {
  const wanted = chainsOf(rules).map((item) => `${item.table} ${item.chain}`);
  const found = [...state.keys()].filter((key) => key.includes(" ISTIO_"));
  if (found.length !== wanted.length) return false;
  return wanted.every(
    (key) => state.get(key)?.length === rules.filter((rule) => `${rule.table} ${rule.chain}` === key).length,
  );
}
