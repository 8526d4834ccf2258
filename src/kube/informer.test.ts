import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { silentLog } from "#log/log.ts";
import { createKubeClient } from "./client.ts";
import { type Change, startInformer } from "./informer.ts";
import type { KubeObject } from "./object.ts";
import { resourceTypes } from "./resource-types.ts";
import type { KubeRequest, KubeTransport } from "./transport.ts";

const pod = (name: string, resourceVersion: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "a", uid: `uid-${name}`, resourceVersion },
});

/** A server of one collection, driven by hand: `lists` answers in turn, `watches` are streams the test writes to. */
function scriptedServer(lists: (KubeObject[] | number)[], version = (): string => "10") {
  const requests: KubeRequest[] = [];
  const watches: PassThrough[] = [];
  const opened = new PassThrough({ objectMode: true });
  const transport: KubeTransport = async (request) => {
    requests.push(request);
    if (request.query?.["watch"]) {
      const stream = new PassThrough();
      request.signal?.addEventListener("abort", () => stream.destroy());
      watches.push(stream);
      opened.write(stream);
      return { status: 200, headers: {}, body: stream };
    }
    const next = lists.shift() ?? [];
    if (typeof next === "number") {
      const status = JSON.stringify({ kind: "Status", code: next, message: "no" });
      return { status: next, headers: {}, body: chunks(status) };
    }
    const page = JSON.stringify({ items: next, metadata: { resourceVersion: version() } });
    return { status: 200, headers: {}, body: chunks(page) };
  };
  return {
    client: createKubeClient(transport),
    requests,
    watches,
    nextWatch: async (): Promise<PassThrough> => (opened.read() as PassThrough | null) ?? (await readable(opened)),
  };
}

async function readable(opened: PassThrough): Promise<PassThrough> {
  for (;;) {
    await once(opened, "readable");
    const stream = opened.read() as PassThrough | null;
    if (stream) return stream;
  }
}

async function* chunks(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

function collect(informer: { onChange(listener: (change: Change<KubeObject>) => void): void }) {
  const seen: string[] = [];
  let wake = (): void => {};
  informer.onChange(({ key, before, after }) => {
    seen.push(`${key} ${before?.metadata?.resourceVersion ?? "-"}>${after?.metadata?.resourceVersion ?? "-"}`);
    wake();
  });
  return {
    seen,
    async until(count: number): Promise<void> {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

test("a cut watch resumes at the last version, bookmarks included", async (t) => {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const server = scriptedServer([[pod("x", "3")]]);
  const informer = startInformer(server.client, resourceTypes.pods, { signal: stop.signal, log: silentLog });
  const changes = collect(informer);
  await informer.synced;
  const first = await server.nextWatch();
  first.write(line("MODIFIED", pod("x", "11")));
  first.write(line("BOOKMARK", { metadata: { resourceVersion: "15" } }));
  first.end();
  const second = await server.nextWatch();
  assert.equal(server.requests.at(-1)?.query?.["resourceVersion"], "15");
  second.write(line("DELETED", pod("x", "16")));
  await changes.until(3);
  assert.deepEqual(changes.seen, ["a/x ->3", "a/x 3>11", "a/x 11>-"]);
  assert.equal(informer.size, 0);
});

test("410 lists again and tells the differences only", async (t) => {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const server = scriptedServer([
    [pod("kept", "1"), pod("gone", "2"), pod("old", "3")],
    [pod("kept", "1"), pod("old", "20"), pod("new", "21")],
  ]);
  const informer = startInformer(server.client, resourceTypes.pods, { signal: stop.signal, log: silentLog });
  const changes = collect(informer);
  (await server.nextWatch()).write(line("ERROR", { kind: "Status", code: 410, reason: "Expired" }));
  await server.nextWatch();
  assert.deepEqual(changes.seen.slice(3), ["a/gone 2>-", "a/old 3>20", "a/new ->21"]);
  assert.ok(Object.isFrozen(informer.get("a/new")?.metadata));
});

test("a collection that isn't served yet is waited for", async (t) => {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const server = scriptedServer([404, 404, [pod("x", "3")]]);
  const informer = startInformer(server.client, resourceTypes.pods, { signal: stop.signal, log: silentLog });
  await informer.synced;
  assert.equal(informer.get("a/x")?.metadata?.resourceVersion, "3");
});

test("stopping ends the watch and late listeners still learn what is there", async () => {
  const stop = new AbortController();
  const server = scriptedServer([[pod("x", "3")]]);
  const informer = startInformer(server.client, resourceTypes.pods, { signal: stop.signal, log: silentLog });
  const watch = await server.nextWatch();
  assert.deepEqual(collect(informer).seen, ["a/x ->3"]);
  stop.abort();
  await once(watch, "close");
  assert.equal(server.watches.length, 1);
});
