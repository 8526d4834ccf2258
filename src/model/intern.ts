interface Node {
  readonly next: WeakMap<object, Node>;
  list?: readonly object[];
}

const root: Node = { next: new WeakMap() };

/** The one list that has these elements in this order, so that what is derived from it can be remembered by its identity. */
export function internList<T extends object>(elements: readonly T[]): readonly T[] {
  let node = root;
  for (const element of elements) {
    let next = node.next.get(element);
    if (next === undefined) {
      next = { next: new WeakMap() };
      node.next.set(element, next);
    }
    node = next;
  }
  node.list ??= Object.freeze([...elements]);
  return node.list as readonly T[];
}
