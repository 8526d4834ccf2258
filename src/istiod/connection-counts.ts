/** Counts the connections behind keys: a proxy and its agent have one each. */
export interface ConnectionCounts {
  /** True when it is the first one. */
  open(key: string): boolean;
  /** True when it was the last one. */
  close(key: string): boolean;
  isOpen(key: string): boolean;
}

export function createConnectionCounts(): ConnectionCounts {
  const counts = new Map<string, number>();
  return {
    open(key) {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return count === 1;
    },
    close(key) {
      const left = (counts.get(key) ?? 1) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
      return left <= 0;
    },
    isOpen: (key) => counts.has(key),
  };
}
