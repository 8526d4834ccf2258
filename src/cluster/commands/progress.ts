/** Tells the user what goes on: a line per step on a terminal as well as in a log. */
export interface Progress {
  step(name: string): void;
  /** The step took `milliseconds`. */
  done(milliseconds: number): void;
  note(text: string): void;
}

export function createProgress(out: NodeJS.WritableStream & { isTTY?: boolean }): Progress {
  let current: string | undefined;
  const end = () => {
    if (current !== undefined && out.isTTY) out.write(`\r\x1b[K`);
    current = undefined;
  };
  return {
    step(name) {
      current = name;
      if (out.isTTY) out.write(` … ${name}`);
    },
    done(milliseconds) {
      const name = current ?? "";
      end();
      out.write(` ✓ ${name.padEnd(34)} ${(milliseconds / 1000).toFixed(1)} s\n`);
    },
    note(text) {
      end();
      out.write(`${text}\n`);
    },
  };
}
