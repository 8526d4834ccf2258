import { fork } from "node:child_process";
import { join } from "node:path";
import type { LoadAnswer, LoadOrder } from "./load-messages.ts";
import { type Usage, usageOf } from "./usage.ts";

/** The load client's process, seen from here. */
export interface Load {
  /** Gives an order; rejects when the answer takes longer than `limitMs` or the process ends. */
  give(order: LoadOrder, limitMs: number): Promise<LoadAnswer>;
  usage(): Usage;
  stop(): void;
}

export function startLoad(): Load {
  const child = fork(join(import.meta.dirname, "load-process.ts"), {
    execArgv: ["--disable-warning=ExperimentalWarning", "--max-old-space-size=8192"],
  });
  return {
    give(order, limitMs) {
      const { promise, resolve, reject } = Promise.withResolvers<LoadAnswer>();
      const timer = setTimeout(() => reject(new Error(`"${order.do}" took longer than ${limitMs / 1000} s`)), limitMs);
      const ended = (): void => reject(new Error(`the load client ended during "${order.do}"`));
      child.once("exit", ended);
      child.once("message", (message) => resolve(message as LoadAnswer));
      child.send(order);
      return promise.finally(() => {
        clearTimeout(timer);
        child.off("exit", ended);
        child.removeAllListeners("message");
      });
    },
    usage: () => usageOf(child.pid ?? 0),
    stop: () => void child.kill("SIGKILL"),
  };
}
