import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GrpcError } from "./grpc-status.ts";
import { typeUrls } from "./resource.ts";
import { TestClient, TestWorld } from "./test-client.ts";

const { cluster, endpoint, listener, route } = typeUrls;

function worldWith(): TestWorld {
  const world = new TestWorld();
  world.set(cluster, { a: "1", b: "1" });
  world.set(endpoint, { a: "1", b: "1" });
  world.set(listener, { l: "1" });
  world.set(route, { r: "1", other: "1" });
  return world;
}

async function connected(variant: "sotw" | "delta", world: TestWorld, before?: TestClient): Promise<TestClient> {
  const client = new TestClient(variant, world, before);
  await client.subscribe(cluster);
  await client.subscribe(endpoint, "a", "b");
  await client.subscribe(listener);
  await client.subscribe(route, "r");
  return client;
}

for (const variant of ["sotw", "delta"] as const) {
  describe(variant, () => {
    test("an empty request for clusters means all, names mean names", async () => {
      const client = await connected(variant, worldWith());
      assert.deepEqual(client.take(), ["cds +a +b", "eds +a +b", "lds +l", "rds +r"]);
    });

    test("an empty request for routes means none", async () => {
      const client = new TestClient(variant, worldWith());
      await client.subscribe(route);
      assert.deepEqual(client.take(), ["rds"]);
    });

    test("an explicit wildcard means all, and its end means none", async () => {
      const world = worldWith();
      const client = new TestClient(variant, world);
      await client.subscribe(cluster, "*");
      assert.deepEqual(client.take(), ["cds +a +b"]);
      await client.unsubscribe(cluster, "*");
      world.set(cluster, { a: "2" });
      await client.push();
      assert.deepEqual(client.take(), []);
    });

    test("a push that changes nothing sends nothing", async () => {
      const client = await connected(variant, worldWith());
      client.take();
      await client.push();
      assert.deepEqual(client.take(), []);
      assert.deepEqual(client.events, ["converged"]);
    });

    test("a change goes clusters, endpoints, listeners, routes, and a cluster brings its endpoints again", async () => {
      const world = worldWith();
      const client = await connected(variant, world);
      client.take();
      world.set(route, { r: "2", other: "2" });
      world.set(listener, { l: "2" });
      world.set(cluster, { a: "2", b: "1" });
      await client.push();
      const sotw = ["cds +a +b", "eds +a +b", "lds +l", "rds +r"];
      assert.deepEqual(client.take(), variant === "sotw" ? sotw : ["cds +a", "eds +a", "lds +l", "rds +r"]);
    });

    test("endpoints alone take the short lane", async () => {
      const world = worldWith();
      const client = await connected(variant, world);
      client.take();
      world.set(endpoint, { a: "1", b: "2" });
      world.set(listener, { l: "2" });
      await client.push("endpoints");
      assert.deepEqual(client.take(), ["eds +b"]);
    });

    test("a name that is added later is answered alone", async () => {
      const client = await connected(variant, worldWith());
      client.take();
      await client.subscribe(route, "other");
      assert.deepEqual(client.take(), ["rds +other"]);
    });

    test("a rejection is kept with names and words until a later response is accepted", async () => {
      const world = worldWith();
      const client = await connected(variant, world);
      client.take();
      client.rejects.add("b");
      world.set(cluster, { a: "2", b: "2" });
      await client.push();
      assert.deepEqual(client.events[0], "rejected cds b: bad b");
      assert.deepEqual([...(client.stream.subscriptions.get(cluster)?.rejected ?? [])], [["b", "bad b"]]);
      client.take();
      await client.push();
      if (variant === "delta") assert.deepEqual(client.held.get(cluster), new Map(Object.entries({ a: "2", b: "1" })));
      assert.deepEqual(client.take(), [], "the same rejected content is not sent again and again");
      client.rejects.clear();
      world.set(cluster, { a: "2", b: "3" });
      await client.push();
      assert.equal(client.stream.subscriptions.get(cluster)?.rejected.size, 0);
    });

    test("a client that doesn't answer has one push under way, and later ones merge", async () => {
      const world = worldWith();
      const client = await connected(variant, world);
      client.take();
      client.answers = false;
      for (const version of ["2", "3", "4"]) {
        world.set(listener, { l: version });
        await client.push();
      }
      assert.deepEqual(client.take(), ["lds +l"]);
      world.clock += 60_000;
      await client.push();
      assert.deepEqual(client.take(), ["lds +l"], "after a while it gets the newest anyway");
    });

    test("a stream that begins anew with the same content gets nothing of its wildcards", async () => {
      const world = worldWith();
      const before = await connected(variant, world);
      const client = await connected(variant, world, before);
      const seen = client.take();
      // State-of-the-world names may have changed hands in between; only delta can tell what the client holds.
      assert.deepEqual(seen, variant === "sotw" ? ["eds +a +b", "rds +r"] : []);
    });

    test("a first request without a node is refused", async () => {
      const client = new TestClient(variant, worldWith());
      await assert.rejects(
        client.stream.receive(Buffer.from([0x22, 1, 0x61])),
        (error: unknown) => error instanceof GrpcError && error.code === 3,
      );
      await assert.rejects(client.stream.receive(Buffer.from([0xff, 0xff])), GrpcError);
    });
  });
}

describe("delta alone", () => {
  test("what changed or vanished while the client was away is told, and nothing else", async () => {
    const world = worldWith();
    const before = await connected("delta", world);
    world.set(cluster, { a: "2" });
    world.set(endpoint, { a: "1" });
    const client = await connected("delta", world, before);
    // The changed cluster is warmed by the proxy, so its endpoints come although they didn't change.
    assert.deepEqual(client.take(), ["cds +a -b", "eds +a -b"]);
  });

  test("a cluster is removed after everything that might refer to it", async () => {
    const world = worldWith();
    const client = await connected("delta", world);
    client.take();
    world.set(cluster, { a: "1", c: "1" });
    world.set(endpoint, { a: "1" });
    world.set(route, { r: "2" });
    await client.push();
    assert.deepEqual(client.take(), ["cds +c", "rds +r", "cds -b", "eds -b"]);
    assert.deepEqual(client.events, ["converged"]);
  });

  test("routes wait for the answer to the clusters that came with them, but not for long", async () => {
    const world = worldWith();
    const client = await connected("delta", world);
    client.take();
    client.answers = false;
    world.set(cluster, { a: "1", b: "1", c: "1" });
    world.set(endpoint, { a: "1", b: "1", c: "1" });
    world.set(route, { r: "2" });
    await client.push();
    assert.deepEqual(client.take(), ["cds +c"]);
    await client.subscribe(endpoint, "c");
    assert.deepEqual(client.take(), ["eds +c"]);
    assert.ok(client.stream.isDelayed);
    world.clock += 2_000;
    client.stream.runPush();
    await client.settle();
    assert.deepEqual(client.take(), ["rds +r"]);
    assert.ok(!client.stream.isDelayed);
  });

  test("a name that doesn't exist comes as removed, once; it comes when it exists", async () => {
    const world = worldWith();
    const client = await connected("delta", world);
    client.take();
    await client.subscribe(route, "later");
    assert.deepEqual(client.take(), ["rds -later"]);
    await client.push();
    assert.deepEqual(client.take(), []);
    world.set(route, { r: "1", later: "1" });
    await client.push();
    assert.deepEqual(client.take(), ["rds +later"]);
  });

  test("a name that is asked for again is sent again", async () => {
    const client = await connected("delta", worldWith());
    client.take();
    await client.subscribe(endpoint, "a");
    assert.deepEqual(client.take(), ["eds +a"]);
  });

  test("under a wildcard, giving up a name is answered", async () => {
    const client = new TestClient("delta", worldWith());
    await client.subscribe(cluster, "*", "gone");
    assert.deepEqual(client.take(), ["cds +a +b -gone"]);
    await client.unsubscribe(cluster, "gone");
    assert.deepEqual(client.take(), ["cds -gone"]);
  });
});
