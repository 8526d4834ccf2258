import type { Event } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { createTokenBuckets } from "./token-buckets.ts";

/** Writes what `kubectl describe` lists under Events. */
export interface EventRecorder {
  /** Never throws and never waits: an event that can't be written is lost. The object must have its apiVersion and kind. */
  event(object: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}

interface Written {
  readonly name: string;
  count: number;
}

/** Series whose Event object is remembered, so that a repetition counts up instead of making another. */
const maxSeries = 4096;
/** Events waiting to be written; more are dropped. */
const maxPending = 512;
/** Per object: so many in a burst, then one in so many ms (Kubernetes' spam filter). */
const spam = { burst: 25, refillEveryMs: 300_000 };
const maxMessageLength = 1024;

/** A recorder that signs as `component`. Repetitions of the same event within its lifetime update `count` and `lastTimestamp`. */
export function createRecorder(client: KubeClient, component: string, host?: string): EventRecorder {
  const series = new Map<string, Written>();
  const buckets = createTokenBuckets(spam, maxSeries);
  let pending = 0;
  let turn: Promise<void> = Promise.resolve();

  async function write(id: string, event: Event): Promise<void> {
    const namespace = event.metadata.namespace ?? "default";
    const known = series.get(id);
    if (known) {
      known.count += 1;
      const patch = { count: known.count, lastTimestamp: event.lastTimestamp };
      try {
        await client.patch(resourceTypes.events, { namespace, name: known.name, patch, as: "merge" });
        return;
      } catch (error) {
        if (!isKubeError(error, "NotFound")) throw error;
      }
    }
    const name = event.metadata.name ?? "";
    // Remove first: the map's order is the order of use.
    series.delete(id);
    series.set(id, { name, count: 1 });
    const oldest = series.keys().next().value;
    if (series.size > maxSeries && oldest !== undefined) series.delete(oldest);
    await client.create<Event>(resourceTypes.events, event);
  }

  return {
    event(object, type, reason, message) {
      const { uid = "", name = "", namespace } = object.metadata ?? {};
      if (pending >= maxPending || !buckets.take(uid || `${object.kind} ${namespace} ${name}`)) return;
      const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
      const text = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength - 1)}…` : message;
      const event: Event = {
        metadata: { name: `${name}.${uniqueSuffix()}`, namespace: namespace ?? "default" },
        involvedObject: {
          apiVersion: object.apiVersion ?? "",
          kind: object.kind ?? "",
          name,
          uid,
          ...(namespace === undefined ? {} : { namespace }),
          ...(object.metadata?.resourceVersion ? { resourceVersion: object.metadata.resourceVersion } : {}),
        },
        type,
        reason,
        message: text,
        source: { component, ...(host === undefined ? {} : { host }) },
        reportingComponent: component,
        reportingInstance: host ?? "",
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
      };
      pending += 1;
      const id = [uid, object.kind, namespace, name, type, reason, text].join("\0");
      // In turn, so that an object's events have the order in which they happened.
      turn = turn
        .then(() => write(id, event))
        .catch(() => {})
        .finally(() => {
          pending -= 1;
        });
    },
  };
}

let last = 0n;

/** 16 hex digits that grow with time, as the names of Kubernetes' events have. */
function uniqueSuffix(): string {
  const now = BigInt(Date.now()) * 1_000_000n;
  last = now > last ? now : last + 1n;
  return last.toString(16).padStart(16, "0");
}
