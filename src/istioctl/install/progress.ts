/** Tells the user what long work is at. One line a step on a terminal rewritten, else one line when it is done. */
export interface Progress {
  begin(what: string): void;
  done(what: string): void;
  failed(what: string): void;
}

export function createProgress(out: NodeJS.WriteStream): Progress {
  const clear = out.isTTY ? "\r\u001B[K" : "";
  return {
    begin: (what) => void (out.isTTY && out.write(`${clear}- ${what} ...`)),
    done: (what) => void out.write(`${clear}✔ ${what}\n`),
    failed: (what) => void out.write(`${clear}✘ ${what}\n`),
  };
}
