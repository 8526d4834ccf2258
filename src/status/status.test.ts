import assert from "node:assert/strict";
import { test } from "node:test";
import { createKubeClient } from "#kube/client.ts";
import { silentLog } from "#log/log.ts";
import { acceptedType, type Condition, withAccepted } from "./condition.ts";
import { configSources } from "./config-sources.ts";
import { createStatusKeeper } from "./status-keeper.ts";

const now = new Date("2026-01-02T03:04:05.678Z");
const rejected = { reason: "Rejected", message: "no" } as const;

test("the condition is written once, keeps others', and turns when the problem is over", () => {
  const other: Condition = { type: "Reconciled", status: "True" };
  assert.equal(withAccepted([other], undefined, 1, now), undefined, "a resource without a problem is left alone");
  const first = withAccepted([other], rejected, 1, now) ?? [];
  const written = {
    type: acceptedType,
    status: "False",
    ...rejected,
    observedGeneration: 1,
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
  assert.deepEqual(first, [other, written]);
  assert.equal(withAccepted(first, rejected, 1, new Date()), undefined);
  const [, changed] = withAccepted(first, { ...rejected, message: "still no" }, 2, new Date()) ?? [];
  assert.equal(changed?.lastTransitionTime, "2026-01-02T03:04:05Z", "the state is the same since then");
  assert.equal(withAccepted(first, undefined, 2, now)?.[1]?.status, "True");
});

test("sources are found in encoded bytes, whatever follows them", () => {
  const string = (text: string): Buffer => {
    const { length } = text;
    const prefix = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
    return Buffer.concat([Buffer.from([0x1a, ...prefix]), Buffer.from(text)]);
  };
  const long = `${"x".repeat(60)}.${"y".repeat(60)}`;
  const bytes = Buffer.concat([
    string("/apis/networking.istio.io/v1/namespaces/shop/virtual-service/cart"),
    Buffer.from("r\u0003abc"),
    string(`/apis/networking.istio.io/v1alpha3/namespaces/shop/destination-rule/${long}`),
    Buffer.from("zz /apis/networking.istio.io/ and no more"),
  ]);
  assert.deepEqual(configSources(bytes), [
    { kind: "VirtualService", namespace: "shop", name: "cart" },
    { kind: "DestinationRule", namespace: "shop", name: long },
  ]);
});

test("many proxies that complain of the same make one write, and one when all are content", async () => {
  const patches: unknown[] = [];
  let status: unknown;
  const client = createKubeClient(async (request) => {
    if (request.method === "PATCH") {
      assert.equal(request.path, "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart/status");
      ({ status } = JSON.parse(request.body ?? "") as { status: unknown });
      patches.push(status);
    }
    const object = { metadata: { name: "cart", namespace: "shop", generation: 3, resourceVersion: "7" }, status };
    const body = (async function* () {
      yield Buffer.from(JSON.stringify(object));
    })();
    return { status: 200, headers: {}, body };
  });
  const keeper = createStatusKeeper({ client, signal: new AbortController().signal, log: silentLog, pauseMs: 1 });
  const source = { kind: "VirtualService", namespace: "shop", name: "cart" };
  const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 20));
  for (let proxy = 0; proxy < 50; proxy++) keeper.report(`p${proxy}`, [{ source, problem: rejected }]);
  await settle();
  assert.equal(patches.length, 1);
  for (let proxy = 0; proxy < 49; proxy++) keeper.report(`p${proxy}`, []);
  await settle();
  assert.equal(patches.length, 1);
  keeper.report("p49", []);
  await settle();
  assert.equal(patches.length, 2);
});
