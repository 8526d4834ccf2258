/**
 * A set of field paths as Kubernetes writes it in `fieldsV1` (structured-merge-diff): `f:name` is a field, `k:{…}` an item of
 * a list by its keys, `v:…` an item of a set, `.` the place itself. A node without children is a member, one with children
 * is a member only if it has `.`. Sets are values: nothing here changes its arguments.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

const self = ".";
const leaf: FieldSet = {};

function children(set: FieldSet): string[] {
  return Object.keys(set).filter((element) => element !== self);
}

export function isMember(set: FieldSet): boolean {
  return Object.hasOwn(set, self) || children(set).length === 0;
}

/** The part of `set` below `element`; undefined when nothing there is in the set. */
export function below(set: FieldSet | undefined, element: string): FieldSet | undefined {
  return set && Object.hasOwn(set, element) ? set[element] : undefined;
}

/** Puts a node together; undefined when it would hold nothing. */
export function node(member: boolean, inner: readonly (readonly [string, FieldSet])[]): FieldSet | undefined {
  if (inner.length === 0) return member ? leaf : undefined;
  return Object.fromEntries(member ? [[self, leaf], ...inner] : inner);
}

export function union(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b || a === b) return a ?? b;
  const elements = new Set([...children(a), ...children(b)]);
  const inner = [...elements].flatMap((element) => pair(element, union(below(a, element), below(b, element))));
  return node(isMember(a) || isMember(b), inner);
}

export function intersection(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return undefined;
  const inner = children(a).flatMap((element) => pair(element, intersection(below(a, element), below(b, element))));
  return node(isMember(a) && isMember(b), inner);
}

/** What is in `a` and not, as the same path, in `b`; `a` itself when they share nothing. */
export function difference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a;
  return subtracted(a, b, isMember(a) && !isMember(b), difference);
}

/** As {@link difference}, and what lies below a member of `b` goes too: `b` is what was removed. */
export function withoutRemoved(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a;
  if (isMember(b)) return undefined;
  return subtracted(a, b, isMember(a), withoutRemoved);
}

function subtracted(
  a: FieldSet,
  b: FieldSet,
  member: boolean,
  subtract: (a: FieldSet | undefined, b: FieldSet | undefined) => FieldSet | undefined,
): FieldSet | undefined {
  let changed = member !== isMember(a);
  const inner = children(a).flatMap((element) => {
    const before = below(a, element);
    const after = subtract(before, below(b, element));
    if (after !== before) changed = true;
    return pair(element, after);
  });
  return changed ? node(member, inner) : a;
}

function pair(element: string, set: FieldSet | undefined): [string, FieldSet][] {
  return set ? [[element, set]] : [];
}

export function sameSet(a: FieldSet | undefined, b: FieldSet | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || isMember(a) !== isMember(b)) return false;
  const elements = children(a);
  return (
    elements.length === children(b).length && elements.every((element) => sameSet(below(a, element), below(b, element)))
  );
}

/** The set as it is stored: elements sorted, so that it does not depend on how it came about. */
export function sorted(set: FieldSet): FieldSet {
  const elements = Object.keys(set).sort();
  return Object.fromEntries(elements.map((element) => [element, sorted(set[element] ?? leaf)]));
}

/** Every member as Kubernetes prints paths: `.spec.containers[name="app"].image`, `.metadata.finalizers[="x"]`. */
export function paths(set: FieldSet, prefix = ""): string[] {
  const here = prefix !== "" && isMember(set) ? [prefix] : [];
  return [...here, ...children(set).flatMap((element) => paths(set[element] ?? leaf, prefix + printed(element)))];
}

function printed(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("f:")) return `.${text}`;
  if (element.startsWith("v:")) return `[=${text}]`;
  if (!element.startsWith("k:")) return `[${text}]`;
  const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
}

const checked = new WeakSet<object>();

/** What came in a request may be anything; undefined unless it is a tree of objects with known elements. */
export function parseFieldSet(value: unknown, depth = 0): FieldSet | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth > 100) return undefined;
  if (checked.has(value)) return value as FieldSet;
  for (const [element, inner] of Object.entries(value)) {
    if (element !== self && !/^[fkvi]:/.test(element)) return undefined;
    if (parseFieldSet(inner, depth + 1) === undefined) return undefined;
  }
  // Objects of the store are frozen and come again with every write.
  if (depth === 0 && Object.isFrozen(value)) checked.add(value);
  return value as FieldSet;
}
