import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelfSignedRoot } from "./certificate.ts";
import { readKnownRoots, rememberRoots, writeKnownRoots } from "./known-roots.ts";

const hour = 3_600_000;
const start = Date.now();

async function root(lifetimeMs = 1000 * hour): Promise<string> {
  return (await createSelfSignedRoot("test", new Date(start), { kind: "P-256", lifetimeMs })).certificatePem;
}

test("a root that the authority no longer has stays told until what it signed has ended", async () => {
  const [a, b] = [await root(), await root()];
  const first = rememberRoots([], [a], start, 24 * hour);
  assert.deepEqual(first, [{ pem: a, since: 0 }], "nobody believed anything before");
  assert.equal(rememberRoots(first, [a], start + hour, 24 * hour), first);
  const both = rememberRoots(first, [b], start + hour, 24 * hour);
  assert.deepEqual(both, [
    { pem: a, since: 0, until: start + 25 * hour },
    { pem: b, since: start + hour },
  ]);
  assert.equal(rememberRoots(both, [b], start + 24 * hour, 24 * hour), both, "it isn't put off again and again");
  assert.deepEqual(
    rememberRoots(both, [b], start + 25 * hour, 24 * hour).map(({ pem }) => pem),
    [b],
  );
  assert.deepEqual(rememberRoots(both, [a, b], start + 2 * hour, 24 * hour), [
    { pem: a, since: 0 },
    { pem: b, since: start + hour },
  ]);
  assert.deepEqual(
    rememberRoots(both, [b], start + 2 * hour, 0).map(({ pem }) => pem),
    [b],
    "forgotten at once",
  );
});

test("a root isn't told past its own end", async () => {
  const [short, long] = [await root(hour), await root()];
  const both = rememberRoots(rememberRoots([], [short], start, hour), [long], start, 24 * hour);
  assert.equal(both.length, 2);
  assert.equal(rememberRoots(both, [long], start + 2 * hour, 24 * hour).length, 1);
});

test("what is written down is read again; anything else is an error", async () => {
  const known = rememberRoots(rememberRoots([], [await root()], 5, hour), [await root()], start, hour);
  assert.deepEqual(readKnownRoots(writeKnownRoots(known)), known);
  for (const text of ["", "{}", "[1]", '[{"pem":"x","since":1}]']) assert.throws(() => readKnownRoots(text), text);
});
