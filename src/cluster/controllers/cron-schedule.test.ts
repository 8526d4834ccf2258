import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCron } from "./cron-schedule.ts";

const next = (schedule: string, after: string, zone?: string) => {
  const time = parseCron(schedule, zone).next(Date.parse(after));
  return time === undefined ? undefined : new Date(time).toISOString().replace(":00.000Z", "Z");
};

test("the next time of a schedule", () => {
  for (const [schedule, after, want] of [
    ["*/5 * * * *", "2026-03-01T10:02:30Z", "2026-03-01T10:05Z"],
    ["*/5 * * * *", "2026-03-01T10:05:00Z", "2026-03-01T10:10Z"],
    ["30 3 * * *", "2026-03-01T10:00:00Z", "2026-03-02T03:30Z"],
    ["0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00Z"],
    ["0 12 * * mon-fri", "2026-11-20T12:00:00Z", "2026-11-23T12:00Z"],
    ["0 0 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T00:00Z"],
    ["@weekly", "2026-11-21T00:00:00Z", "2026-11-22T00:00Z"],
    ["0 0 31 2 *", "2026-01-01T00:00:00Z", undefined],
  ] as const)
    assert.equal(next(schedule, after), want, schedule);
});

test("a time zone moves it, daylight saving included", () => {
  assert.equal(next("0 9 * * *", "2026-01-10T00:00:00Z", "Europe/Berlin"), "2026-01-10T08:00Z");
  assert.equal(next("0 9 * * *", "2026-07-10T00:00:00Z", "Europe/Berlin"), "2026-07-10T07:00Z");
});

test("a bad schedule says which field", () => {
  assert.throws(() => parseCron("61 * * * *"), /"61": want 0-59/);
  assert.throws(() => parseCron("* * *"), /want 5 fields, got 3/);
});
