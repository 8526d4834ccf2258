import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import { allocate } from "./allocated-addresses.ts";

function entry(name: string, spec: ServiceEntry["spec"], addresses?: readonly object[]): ServiceEntry {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace: "shop" },
    spec: { resolution: "DNS", ...spec },
    ...(addresses ? { status: { addresses } } : {}),
  };
}

test("every host that isn't a pattern gets an address of its own, the same each time", () => {
  const entries = [
    entry("a", { hosts: ["a.example", "*.b.example", "c.example"] }),
    entry("d", { hosts: ["d.example"] }),
  ];
  const found = allocate(entries);
  assert.deepEqual(allocate(entries), found);
  assert.deepEqual(
    found.get("shop/a")?.map(({ host }) => host),
    ["a.example", "c.example"],
  );
  const all = [...found.values()].flat().map(({ value }) => value);
  assert.equal(new Set(all).size, 3);
  for (const value of all) assert.match(value, /^240\.240\.\d+\.\d+$/);
});

test("what has its addresses isn't written again, and what wants none gets none", () => {
  const [value] = allocate([entry("a", { hosts: ["a.example"] })]).get("shop/a") ?? [];
  assert.ok(value);
  const entries = [
    entry("a", { hosts: ["a.example"] }, [value]),
    entry("none", { hosts: ["b.example"], resolution: "NONE" }),
    entry("own", { hosts: ["c.example"], addresses: ["10.0.0.1"] }),
    {
      ...entry("out", { hosts: ["d.example"] }),
      metadata: { labels: { "networking.istio.io/enable-autoallocate-ip": "false" } },
    },
  ];
  assert.equal(allocate(entries).size, 0);
});

test("of two that claim one address the older keeps it", () => {
  const claim = (host: string) => [{ host, value: "240.240.1.1" }];
  const found = allocate([
    entry("old", { hosts: ["a.example"] }, claim("a.example")),
    entry("new", { hosts: ["b.example"] }, claim("b.example")),
  ]);
  assert.deepEqual([...found.keys()], ["shop/new"]);
  assert.notEqual(found.get("shop/new")?.[0]?.value, "240.240.1.1");
});
