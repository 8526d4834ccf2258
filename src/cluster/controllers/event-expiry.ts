import type { Event } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createWorkQueue } from "./work-queue.ts";

/** How long an event is kept after it last happened (ms), as by Kubernetes' API server. */
const lifetime = 60 * 60_000;
/** More than these are not kept: the oldest go first. */
const maxEvents = 3000;

/** Deletes events that are old, and the oldest ones when there are too many. */
export function runEventExpiry(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { events } = state;
  const queue = createWorkQueue({ name: "event-expiry", log, reconcile, concurrency: 2 });

  async function reconcile(key: string): Promise<number | void> {
    const event = events.get(key);
    if (!event) return;
    const left = lastSeen(event) + lifetime - Date.now();
    if (left > 0 && !isSurplus(event)) return left;
    try {
      const { namespace = "", name = "" } = event.metadata;
      await client.delete(resourceTypes.events, { namespace, name });
    } catch (error) {
      if (!isKubeError(error, "NotFound")) throw error;
    }
    await events.until(key, (seen) => seen === undefined);
  }

  function isSurplus(event: Event): boolean {
    if (events.size <= maxEvents) return false;
    const time = lastSeen(event);
    let younger = 0;
    for (const other of events.values()) if (lastSeen(other) > time) younger += 1;
    return younger >= maxEvents;
  }

  events.onChange(({ key, before, after }) => {
    if (!after) return;
    if (!before) queue.addAfter(key, Math.max(0, lastSeen(after) + lifetime - Date.now()));
    // One in, one out.
    if (events.size > maxEvents) {
      const oldest = oldestEvent();
      if (oldest) queue.add(objectKey(oldest));
    }
  });

  function oldestEvent(): Event | undefined {
    let oldest: Event | undefined;
    for (const event of events.values()) if (!oldest || lastSeen(event) < lastSeen(oldest)) oldest = event;
    return oldest;
  }

  return queue;
}

function lastSeen(event: Event): number {
  const time =
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
  return Date.parse(time ?? "") || 0;
}
