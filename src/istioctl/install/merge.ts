/** A value as YAML or JSON gives it. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };
export type Tree = { readonly [name: string]: Value };

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * `over` on top of `base`: objects merge, everything else replaces; null removes. Lists whose items all have a `name`
 * merge by it, so that a profile can switch on one gateway of several (Istio: component lists).
 */
export function merge(base: Value | undefined, over: Value | undefined): Value {
  if (over === undefined) return base ?? null;
  if (isTree(base) && isTree(over)) {
    const result: Record<string, Value> = { ...base };
    for (const [name, value] of Object.entries(over)) {
      if (value === null) delete result[name];
      else result[name] = merge(base[name], value);
    }
    return result;
  }
  if (isNamedList(base) && isNamedList(over) && over.some((item) => "enabled" in item)) {
    const result: Value[] = base.map((item) =>
      merge(
        item,
        over.find((other) => other["name"] === item["name"]),
      ),
    );
    for (const item of over) if (!base.some((other) => other["name"] === item["name"])) result.push(item);
    return result;
  }
  return over;
}

export function mergeTrees(base: Tree, ...overs: readonly Tree[]): Tree {
  let result: Value = base;
  for (const over of overs) result = merge(result, over);
  return isTree(result) ? result : {};
}

function isNamedList(value: Value | undefined): value is readonly Tree[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => isTree(item) && typeof item["name"] === "string")
  );
}

/** The tree at `path`, or `{}`. */
export function treeAt(tree: Tree, ...path: readonly string[]): Tree {
  const value = valueAt(tree, ...path);
  return isTree(value) ? value : {};
}

export function valueAt(tree: Tree, ...path: readonly string[]): Value | undefined {
  let value: Value | undefined = tree;
  for (const name of path) value = isTree(value) ? value[name] : undefined;
  return value;
}

/** The text at `path`; numbers count as text; empty when absent. */
export function textAt(tree: Tree, ...path: readonly string[]): string {
  const value = valueAt(tree, ...path);
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** The flag at `path`: booleans, and their names as `--set-string` leaves them. */
export function flagAt(tree: Tree, ...path: readonly string[]): boolean {
  const value = valueAt(tree, ...path);
  return value === true || value === "true";
}

export function listAt(tree: Tree, ...path: readonly string[]): readonly Value[] {
  const value = valueAt(tree, ...path);
  return Array.isArray(value) ? value : [];
}
