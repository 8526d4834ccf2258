import { isDeepStrictEqual } from "node:util";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import type { Leadership } from "#kube/leader-election.ts";
import { type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import { createReconciler } from "#kube/reconciler.ts";
import type { Log } from "#log/log.ts";

/** A whole status, and the resource in the form that it was made from. */
export interface WantedStatus {
  readonly type: ResourceType;
  readonly object: KubeObject;
  readonly status: unknown;
}

/** Writes the statuses of resources that are istiod's own to write. */
export interface ResourceStatusWriter {
  /** All statuses as they should be now. Those that are so already cost nothing. */
  write(wanted: readonly WantedStatus[]): void;
}

export interface ResourceStatusWriterOptions {
  readonly client: KubeClient;
  /** Of several istiods one writes. */
  readonly leadership: Pick<Leadership, "isLeader" | "onElected">;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export function createResourceStatusWriter(options: ResourceStatusWriterOptions): ResourceStatusWriter {
  const { client, leadership, signal, log } = options;
  let current: ReadonlyMap<string, WantedStatus> = new Map();
  const writer = createReconciler({ reconcile, signal, log });

  async function reconcile(key: string): Promise<void> {
    const wanted = current.get(key);
    if (wanted === undefined || isWritten(wanted) || !leadership.isLeader()) return;
    const { type, object, status } = wanted;
    try {
      await client.update(type, { ...object, status } as KubeObject, "status");
      log.debug("status written", { kind: type.kind, resource: objectKey(object) });
    } catch (error) {
      // It changed or went meanwhile: that brings a status of its own.
      if (!isKubeError(error, "Conflict") && !isKubeError(error, "NotFound")) throw error;
    }
  }

  function askAll(): void {
    for (const [key, one] of current) if (!isWritten(one)) writer.ask(key);
  }

  leadership.onElected(askAll);
  return {
    write(wanted) {
      current = new Map(wanted.map((one) => [`${one.type.plural}.${one.type.group} ${objectKey(one.object)}`, one]));
      askAll();
    },
  };
}

function isWritten({ object, status }: WantedStatus): boolean {
  return isDeepStrictEqual((object as { readonly status?: unknown }).status, status);
}
