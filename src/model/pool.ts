/** Keeps values by key for as long as somebody else keeps them: equal values that are made apart become one object. */
export interface Pool<T extends object> {
  /** The value of that key, made when there is none (any more). */
  get(key: string, make: () => T): T;
  readonly size: number;
}

export function createPool<T extends object>(): Pool<T> {
  const known = new Map<string, WeakRef<T>>();
  const gone = new FinalizationRegistry<string>((key) => {
    if (known.get(key)?.deref() === undefined) known.delete(key);
  });
  return {
    get(key, make) {
      const before = known.get(key)?.deref();
      if (before !== undefined) return before;
      const value = make();
      known.set(key, new WeakRef(value));
      gone.register(value, key);
      return value;
    },
    get size() {
      return known.size;
    },
  };
}
