/** Lets so many pieces of work run at a time; the others wait in line. */
export interface Gate {
  pass<T>(work: () => Promise<T>): Promise<T>;
}

export function createGate(limit: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async pass(work) {
      if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
