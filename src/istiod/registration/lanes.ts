/** Does what is to be done for a key one by one. */
export interface Lanes {
  /** Runs when all that was asked for the key before is done. */
  inTurn<T>(key: string, run: () => Promise<T>): Promise<T>;
}

export function createLanes(): Lanes {
  const lanes = new Map<string, Promise<unknown>>();
  return {
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
