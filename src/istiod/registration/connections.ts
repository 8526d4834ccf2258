/** Counts the connections behind keys, and does what is to be done for a key one by one. */
export interface Connections {
  open(key: string): void;
  /** True when it was the last one. */
  close(key: string): boolean;
  isOpen(key: string): boolean;
  /** Runs when all that was asked for the key before is done. */
  inTurn<T>(key: string, run: () => Promise<T>): Promise<T>;
}

export function createConnections(): Connections {
  const counts = new Map<string, number>();
  const lanes = new Map<string, Promise<unknown>>();
  return {
    open: (key) => void counts.set(key, (counts.get(key) ?? 0) + 1),
    close(key) {
      const left = (counts.get(key) ?? 1) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
      return left <= 0;
    },
    isOpen: (key) => counts.has(key),
    async inTurn(key, run) {
      const before = lanes.get(key);
      const mine = (async () => {
        await before?.catch(() => undefined);
        return await run();
      })();
      lanes.set(key, mine);
      try {
        return await mine;
      } finally {
        if (lanes.get(key) === mine) lanes.delete(key);
      }
    },
  };
}
