import assert from "node:assert/strict";
import { test } from "node:test";
import type { Obj } from "../object.ts";
import { expireEvents } from "./expire-events.ts";
import { openStore } from "./store.ts";

test("events go an hour after they were last seen", () => {
  const store = openStore(":memory:");
  const now = Date.now();
  const event = (name: string, minutes: number): Obj => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: "default", creationTimestamp: new Date(now - 5 * 3_600_000).toISOString() },
    lastTimestamp: new Date(now - minutes * 60_000).toISOString(),
  });
  store.create("events", event("old", 61));
  store.create("events", event("fresh", 59));
  assert.equal(expireEvents(store, now), 1);
  assert.deepEqual(
    store.list("events").map(({ metadata }) => metadata.name),
    ["fresh"],
  );
  store.close();
});
