import type { Log } from "#log/log.ts";
import type { PodStreams } from "../pod-streams.ts";
import type { Authorizer } from "./auth/authorizer.ts";
import type { Tokens } from "./auth/tokens.ts";
import type { StrategyContext } from "./kinds/kind.ts";
import { timestamp } from "./object.ts";
import type { Registry } from "./registry.ts";
import type { Store } from "./storage/store.ts";

/** Where a Service's port can be dialled; undefined when it has no ready endpoint. */
export type ResolveService = (
  namespace: string,
  name: string,
  port: string | number,
) => Promise<{ readonly host: string; readonly port: number } | undefined>;

/** What every handler works with. */
export interface Core {
  readonly store: Store;
  readonly registry: Registry;
  readonly network: StrategyContext["network"];
  readonly authorizer: Authorizer;
  readonly tokens: Tokens;
  readonly streams: () => PodStreams;
  readonly resolveService: ResolveService;
  readonly log: Log;
  /** Open watches, each by what ends it. */
  readonly watches: Set<() => void>;
}

export function strategyContext(
  { store, registry, network }: Core,
  write: Pick<StrategyContext, "user" | "subresource">,
): StrategyContext {
  return {
    ...write,
    now: timestamp(),
    get: (resource, namespace, name) => store.get(resource, namespace, name),
    list: (resource, namespace) => store.list(resource, namespace),
    network,
    servedBy: (group, plural) => registry.findPlural(group, plural),
  };
}
