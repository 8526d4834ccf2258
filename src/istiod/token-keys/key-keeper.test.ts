import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readKeySet } from "#config/key-set.ts";
import { type Log, silentLog } from "#log/log.ts";
import { type KeySource, sourceId } from "#snapshot/key-source.ts";
import type { WantedKeys } from "#snapshot/token-rules.ts";
import { createTextFetcher } from "./fetch-text.ts";
import { createKeyKeeper, type KeyKeeper } from "./key-keeper.ts";
import { readTokenKeyOptions } from "./options.ts";

function newSet(): string {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] });
}

function asRead(set: string): string {
  const read = readKeySet(set);
  assert.ok(typeof read === "object");
  return read.text;
}

async function eventually(check: () => boolean, ms = 5000): Promise<void> {
  for (const until = Date.now() + ms; !check(); await sleep(10)) assert.ok(Date.now() < until, "too late");
}

describe("keys that istiod reads", () => {
  /** What the issuer answers, by path; nothing is 500. */
  let answers: Record<string, string>;
  let asked: string[];
  let delayMs: number;
  let [busy, busiest] = [0, 0];
  let origin: string;
  let stopping: AbortController;
  let warnings: object[];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    const answer = answers[url];
    busiest = Math.max(busiest, ++busy);
    response.once("close", () => busy--);
    setTimeout(() => response.writeHead(answer === undefined ? 500 : 200).end(answer), delayMs);
  });
  const log: Log = { ...silentLog, warn: (_message, fields = {}) => void warnings.push(fields) };

  beforeEach(async () => {
    [answers, asked, warnings, stopping] = [{}, [], [], new AbortController()];
    [delayMs, busy, busiest] = [0, 0, 0];
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    stopping.abort();
    const closed = once(server, "close");
    server.close().closeAllConnections();
    await closed;
  });

  const counts = { read: 0, failed: 0 };
  function keeper(refreshMs: number, now: () => number = Date.now): KeyKeeper {
    Object.assign(counts, { read: 0, failed: 0 });
    return createKeyKeeper({
      settings: { reader: "istiod", refreshMs },
      fetchText: createTextFetcher(readTokenKeyOptions({}), stopping.signal),
      metrics: { read: () => void counts.read++, failed: () => void counts.failed++ },
      signal: stopping.signal,
      log,
      now,
    });
  }

  const at = (path: string): KeySource => ({ url: `${origin}${path}`, kind: "keys" });
  const wanted = (...sources: readonly KeySource[]): ReadonlyMap<string, WantedKeys> =>
    new Map(
      sources.map((source) => [
        sourceId(source),
        { source, timeoutMs: 500, policies: ["RequestAuthentication default/a"] },
      ]),
    );
  const textOf = (keys: KeyKeeper, source: KeySource): string | undefined =>
    keys.current().read.get(sourceId(source))?.text;

  test("are there once they were read, by URL and by discovery", async () => {
    const discovery: KeySource = { url: `${origin}/.well-known/openid-configuration`, kind: "discovery" };
    answers["/keys"] = newSet();
    answers["/.well-known/openid-configuration"] = JSON.stringify({ jwks_uri: `${origin}/keys` });
    const keys = keeper(60_000);
    keys.want(wanted(at("/keys"), discovery));
    await keys.settled();
    assert.equal(textOf(keys, at("/keys")), asRead(answers["/keys"]));
    assert.equal(textOf(keys, discovery), asRead(answers["/keys"]));
    assert.deepEqual(counts, { read: 3, failed: 0 });
    assert.deepEqual(keys.problems(), []);
  });

  test("are read again, and told of only when they change", async () => {
    answers["/keys"] = newSet();
    const keys = keeper(30);
    let told = 0;
    keys.onChange(() => told++);
    keys.want(wanted(at("/keys")));
    await keys.settled();
    const before = keys.current();
    await eventually(() => asked.length >= 4);
    assert.equal(told, 1);
    assert.equal(keys.current(), before);
    const next = newSet();
    answers["/keys"] = next;
    await eventually(() => textOf(keys, at("/keys")) === asRead(next));
    assert.equal(told, 2);
  });

  for (const [name, bad] of [
    ["an error", undefined],
    ["a page", "<html>sorry</html>"],
    ["an empty set", '{"keys":[]}'],
  ] as const)
    test(`stay in use when ${name} is in their place`, async () => {
      const set = newSet();
      answers["/keys"] = set;
      const keys = keeper(30);
      keys.want(wanted(at("/keys")));
      await keys.settled();
      if (bad === undefined) delete answers["/keys"];
      else answers["/keys"] = bad;
      await eventually(() => warnings.length >= 1);
      assert.equal(textOf(keys, at("/keys")), asRead(set));
      assert.deepEqual(keys.problems(), []);
    });

  test("that can't be read are a problem of the policies, which doesn't tell what is there", async () => {
    answers["/keys"] = "password: secret";
    const keys = keeper(60_000);
    let told = 0;
    keys.onChange(() => told++);
    keys.want(wanted(at("/keys")));
    await keys.settled();
    assert.equal(told, 1);
    assert.equal(textOf(keys, at("/keys")), undefined);
    const [problem] = keys.problems();
    assert.equal(problem?.resource, "RequestAuthentication default/a");
    assert.doesNotMatch(JSON.stringify([problem, warnings]), /secret/);
    const set = newSet();
    answers["/keys"] = set;
    await eventually(() => textOf(keys, at("/keys")) === asRead(set));
    assert.deepEqual(keys.problems(), []);
  });

  test("aren't read any more when nobody wants them, and are still there when somebody does again", async () => {
    answers["/keys"] = newSet();
    const keys = keeper(30);
    keys.want(wanted(at("/keys")));
    await keys.settled();
    keys.want(wanted());
    await sleep(50);
    const before = asked.length;
    await sleep(150);
    assert.ok(asked.length <= before + 1);
    delete answers["/keys"];
    keys.want(wanted(at("/keys")));
    assert.ok(textOf(keys, at("/keys")));
  });

  test("of many sources are read a few at a time, each once", async () => {
    const paths = Array.from({ length: 50 }, (_, index) => `/keys/${index}`);
    for (const path of paths) answers[path] = newSet();
    delayMs = 20;
    const keys = keeper(60_000);
    keys.want(wanted(...paths.map(at)));
    await keys.settled();
    assert.deepEqual([...asked].sort(), [...paths].sort());
    assert.equal(busiest, 4);
    assert.equal(keys.current().read.size, 50);
  });

  test("are read though those of another namespace don't answer", async () => {
    delayMs = 400;
    answers["/good"] = newSet();
    const silent = Array.from({ length: 20 }, (_, index) => at(`/silent/${index}`));
    const one = { source: at("/good"), timeoutMs: 500, policies: ["RequestAuthentication other/a"] };
    const keys = keeper(60_000);
    const before = Date.now();
    keys.want(new Map([...wanted(...silent), [sourceId(one.source), one]]));
    await eventually(() => textOf(keys, at("/good")) !== undefined);
    assert.ok(Date.now() - before < 2 * delayMs);
    assert.equal(busiest, 5);
  });

  test("have the rule's time for all that it takes to read them", async () => {
    answers["/.well-known/openid-configuration"] = JSON.stringify({ jwks_uri: `${origin}/keys` });
    answers["/keys"] = newSet();
    delayMs = 300;
    const keys = keeper(60_000);
    keys.want(wanted({ url: `${origin}/.well-known/openid-configuration`, kind: "discovery" }));
    await keys.settled();
    assert.equal(keys.problems().length, 1);
    assert.deepEqual(counts, { read: 1, failed: 1 });
  });

  test("are forgotten when nobody wanted them for a week", async () => {
    answers["/keys"] = newSet();
    let now = 0;
    const keys = keeper(60_000, () => now);
    keys.want(wanted(at("/keys")));
    await keys.settled();
    keys.want(wanted());
    now = 7 * 24 * 3_600_000 - 1;
    keys.want(wanted());
    assert.ok(textOf(keys, at("/keys")));
    now++;
    keys.want(wanted());
    assert.equal(textOf(keys, at("/keys")), undefined);
  });

  test("that nobody wants are settled at once", async () => {
    await keeper(60_000).settled();
  });
});
