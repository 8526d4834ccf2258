import { UsageError } from "../usage-error.ts";
import { isTree, type Tree, type Value } from "./merge.ts";

type Step = { readonly name: string } | { readonly index: number } | { readonly key: string; readonly value: string };

/**
 * Applies `--set path=value` to a tree and returns the new one. A path is names parted by dots; `\.` is a dot in a name;
 * `[0]` an index; `[name:x]` the list item whose `name` is `x` (Istio: operator paths). Throws {@link UsageError}.
 */
export function applySetFlag(tree: Tree, flag: string): Tree {
  const equals = flag.indexOf("=");
  if (equals <= 0) throw new UsageError(`--set ${flag}: expected path=value, for example --set profile=demo`);
  const path = flag.slice(0, equals);
  const steps = parsePath(path);
  const result = setAt(tree, steps, parseValue(flag.slice(equals + 1)), path);
  return isTree(result) ? result : {};
}

function parsePath(path: string): Step[] {
  const steps: Step[] = [];
  for (const part of path.split(/(?<!\\)\./)) {
    const match = /^((?:[^[\]\\]|\\.)+)((?:\[[^\]]+\])*)$/.exec(part);
    if (!match?.[1]) throw new UsageError(`--set ${path}: "${part}" is not a field name`);
    steps.push({ name: match[1].replaceAll("\\.", ".") });
    for (const [, inner = ""] of (match[2] ?? "").matchAll(/\[([^\]]+)\]/g)) {
      const colon = inner.indexOf(":");
      if (colon > 0) steps.push({ key: inner.slice(0, colon), value: inner.slice(colon + 1) });
      else if (/^\d{1,4}$/.test(inner)) steps.push({ index: Number(inner) });
      else throw new UsageError(`--set ${path}: [${inner}] is neither an index nor key:value`);
    }
  }
  return steps;
}

/** Scalars as YAML reads them; `{a,b}` is a list (Helm: --set). */
function parseValue(text: string): Value {
  if (text.startsWith("{") && text.endsWith("}")) return text.slice(1, -1).split(",").filter(Boolean).map(parseValue);
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text);
  return text.replace(/^"(.*)"$/s, "$1");
}

function setAt(target: Value | undefined, steps: readonly Step[], value: Value, path: string): Value {
  const [step, ...rest] = steps;
  if (!step) return value;
  if ("name" in step) {
    if (target !== undefined && target !== null && !isTree(target)) {
      throw new UsageError(`--set ${path}: "${step.name}" can't be set inside ${JSON.stringify(target)}`);
    }
    return { ...target, [step.name]: setAt(target?.[step.name], rest, value, path) };
  }
  const list = Array.isArray(target) ? [...target] : [];
  const index = "index" in step ? step.index : list.findIndex((item) => isTree(item) && item[step.key] === step.value);
  if (index > list.length) throw new UsageError(`--set ${path}: there are only ${list.length} items before [${index}]`);
  if (index === -1 && "key" in step) list.push(setAt({ [step.key]: step.value }, rest, value, path));
  else list[index] = setAt(list[index], rest, value, path);
  return list;
}
