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
    for (const argument of args.slice(0, -1)) {
      let next = level.get(argument) as WeakMap<object, unknown> | undefined;
      if (next === undefined) {
        next = new WeakMap();
        level.set(argument, next);
      }
      level = next;
    }
    const last = args.at(-1) as object;
    if (level.has(last)) return level.get(last) as Result;
    const result = compute(...args);
    level.set(last, result);
    return result;
  };
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
