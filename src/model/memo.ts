/**
 * A function that remembers its results by the identity of its arguments, all of them objects. Results live as long as the
 * arguments do; equal but distinct arguments are distinct.
 */
export function memo<Args extends readonly object[], Result>(
  compute: (...args: Args) => Result,
): (...args: Args) => Result {
  const root = new WeakMap<object, unknown>();
  return (...args) => {
    let level = root;
    const last = args.length - 1;
    for (let index = 0; index < last; index++) {
      const argument = args[index] as object;
      let next = level.get(argument) as WeakMap<object, unknown> | undefined;
      if (next === undefined) {
        next = new WeakMap();
        level.set(argument, next);
      }
      level = next;
    }
    const key = args[last] as object;
    const known = level.get(key);
    if (known !== undefined || level.has(key)) return known as Result;
    const result = compute(...args);
    level.set(key, result);
    return result;
  };
}

const end: object = {};
const lists = memo((...items: readonly object[]) => Object.freeze(items.slice(0, -1)));

/** The list of these objects: the same one for the same objects in the same order. For short lists. */
export function sameList<T extends object>(items: readonly T[]): readonly T[] {
  // The end keeps a list apart from those that begin with it.
  return lists(...items, end) as readonly T[];
}

/** `previous` if it has the same elements in the same order, else `next`: keeps identity where nothing changed. */
export function keepList<T>(previous: readonly T[] | undefined, next: readonly T[]): readonly T[] {
  if (previous === undefined || previous.length !== next.length) return next;
  return next.every((item, index) => item === previous[index]) ? previous : next;
}

/** `previous` if it has the same entries, else `next`. */
export function keepMap<K, V>(previous: ReadonlyMap<K, V> | undefined, next: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  if (previous === undefined || previous.size !== next.size) return next;
  for (const [key, value] of next) if (previous.get(key) !== value || !previous.has(key)) return next;
  return previous;
}
