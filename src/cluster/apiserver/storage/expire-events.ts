import { type Obj } from "../object.ts";
import { StaleWriteError, type Store } from "./store.ts";

/** Kubernetes keeps events for an hour. */
const keptMs = 60 * 60 * 1000;
const everyMs = 60 * 1000;
/** However young, more than this many are not kept. */
const maxEvents = 5000;

function lastSeen(event: Obj): number {
  const time = event["lastTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp;
  return typeof time === "string" ? Date.parse(time) : 0;
}

/** Removes the events that nobody will ask for any more; answers how many. */
export function expireEvents(store: Store, now: number): number {
  const events = store.list("events").toSorted((a, b) => lastSeen(b) - lastSeen(a));
  let removed = 0;
  for (const [index, event] of events.entries()) {
    if (index < maxEvents && lastSeen(event) > now - keptMs) continue;
    try {
      store.remove("events", event, event.metadata.resourceVersion ?? "");
      removed++;
    } catch (error) {
      // Seen again just now.
      if (!(error instanceof StaleWriteError)) throw error;
    }
  }
  return removed;
}

/** Does so every minute until the returned function is called. */
export function keepEventsShort(store: Store): () => void {
  const timer = setInterval(() => expireEvents(store, Date.now()), everyMs).unref();
  return () => clearInterval(timer);
}
