import type { Size } from "./size.ts";

/** What the load process is told, one thing at a time. */
export type LoadOrder =
  /** Connects all sidecars; the answer comes when all are configured. */
  | { readonly do: "connect"; readonly port: number; readonly size: Size }
  /** From now on waits until every sidecar that sees the namespace got the resource; the answer comes then. */
  | { readonly do: "expect"; readonly namespace: string; readonly typeUrl: string; readonly name: string }
  /** Answers at once with what came since the last order. */
  | { readonly do: "count" };

/** Times are of the machine's monotonic clock, ms, the same in all processes. */
export interface LoadAnswer {
  /** When each sidecar had what was waited for. */
  readonly times: readonly number[];
  /** What came in since the order: bytes of messages, resources by type. */
  readonly bytes: number;
  readonly resources: Readonly<Record<string, number>>;
  readonly removed: number;
}

/** Linux: CLOCK_MONOTONIC, which all processes share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
