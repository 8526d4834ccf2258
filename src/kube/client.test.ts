import assert from "node:assert/strict";
import { test } from "node:test";
import { createKubeClient } from "./client.ts";
import { KubeError } from "./error.ts";
import { resourceTypes } from "./resource-types.ts";
import type { KubeRequest, KubeTransport } from "./transport.ts";

function answering(status: number, chunks: readonly string[], seen: KubeRequest[] = []): KubeTransport {
  return async (request) => {
    seen.push(request);
    return {
      status,
      headers: {},
      body: (async function* () {
        for (const chunk of chunks) yield Buffer.from(chunk);
      })(),
    };
  };
}

test("list gives its items their type", async () => {
  const client = createKubeClient(
    answering(200, ['{"items":[{"metadata":{"name":"a"}}],"metadata":{"resourceVersion":"7"}}']),
  );
  const list = await client.list(resourceTypes.pods, { namespace: "default" });
  assert.deepEqual(list.items[0], { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } });
  assert.equal(list.resourceVersion, "7");
});

test("watch joins events that were cut between chunks", async () => {
  const seen: KubeRequest[] = [];
  const client = createKubeClient(
    answering(200, ['{"type":"ADDED","obj', 'ect":{}}\n{"type":"DELETED","object":{}}\n'], seen),
  );
  const types: string[] = [];
  const options = { resourceVersion: "5", signal: AbortSignal.timeout(1000) };
  for await (const event of client.watch(resourceTypes.virtualServices, options)) types.push(event.type);
  assert.deepEqual(types, ["ADDED", "DELETED"]);
  assert.equal(seen[0]?.path, "/apis/networking.istio.io/v1/virtualservices");
  assert.deepEqual(seen[0]?.query, { resourceVersion: "5", watch: "true", allowWatchBookmarks: "true" });
});

test("an error of a watch is thrown with its reason", async () => {
  const line = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n';
  const client = createKubeClient(answering(200, [line]));
  await assert.rejects(
    async () => {
      for await (const event of client.watch(resourceTypes.pods, {
        resourceVersion: "1",
        signal: AbortSignal.timeout(1000),
      }))
        void event;
    },
    (error: unknown) => error instanceof KubeError && error.reason === "Expired",
  );
});

test("find gives undefined for what isn't there", async () => {
  const client = createKubeClient(answering(404, ['{"kind":"Status","reason":"NotFound"}']));
  assert.equal(await client.find(resourceTypes.pods, { namespace: "a", name: "b" }), undefined);
});
