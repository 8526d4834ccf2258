import { setTimeout as sleep } from "node:timers/promises";
import type { KubeClient } from "#kube/client.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { type Condition, withAccepted } from "./condition.ts";
import { type ConfigSource, sourceKey } from "./config-sources.ts";
import { createProblemBook, type SourceProblem } from "./problem-book.ts";

/** Writes on resources what keeps them from being in effect. */
export interface StatusKeeper {
  /** One origin's problems, all of them: what it reported before and doesn't repeat is over. */
  report(origin: string, problems: readonly SourceProblem[]): void;
  /** Looks at a resource that an earlier istiod may have marked. */
  review(source: ConfigSource): void;
}

export interface StatusKeeperOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The least time between two writes, whatever they are about, ms. */
  readonly pauseMs?: number;
}

const types: ReadonlyMap<string, ResourceType> = new Map(
  Object.values(resourceTypes)
    .filter(({ group }) => group.endsWith(".istio.io"))
    .map((type) => [type.kind, type] as const),
);

type WithStatus = KubeObject & { readonly status?: { readonly conditions?: readonly Condition[] } };

/**
 * Keeps the condition `weft.dev/Accepted`. Resources that never had a problem are not touched, writes are paced one by one, and
 * many proxies with the same complaint make one write.
 */
export function createStatusKeeper(options: StatusKeeperOptions): StatusKeeper {
  const { client, signal, log, pauseMs = 200 } = options;
  const writer = createReconciler({ reconcile: write, signal, log });
  const book = createProblemBook((key) => writer.ask(key));

  async function write(key: string): Promise<void> {
    const [kind = "", namespace = "", name = ""] = key.split("/");
    const type = types.get(kind);
    if (!type) return;
    const object = await client.find<WithStatus>(type, { namespace, name });
    if (!object?.metadata) return;
    const problem = book.problemOf(key);
    const conditions = withAccepted(object.status?.conditions ?? [], problem, object.metadata.generation, new Date());
    if (!conditions) return;
    await client.patch(type, {
      namespace,
      name,
      subresource: "status",
      as: "merge",
      // The version makes the API server refuse when somebody else wrote meanwhile; then it is tried again.
      patch: { metadata: { resourceVersion: object.metadata.resourceVersion }, status: { conditions } },
    });
    log.info("status written", { kind, resource: `${namespace}/${name}`, accepted: problem === undefined });
    await sleep(pauseMs, undefined, { signal, ref: false });
  }

  return {
    report: (origin, found) => book.report(origin, found),
    review: (source) => writer.ask(sourceKey(source)),
  };
}
