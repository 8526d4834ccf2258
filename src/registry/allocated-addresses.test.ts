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
    ["a.example", "a.example", "c.example", "c.example"],
  );
  const all = [...found.values()].flat().map(({ value }) => value);
  assert.equal(new Set(all).size, 6);
  for (const [index, value] of all.entries()) {
    assert.match(value, index % 2 === 0 ? /^240\.240\.\d+\.\d+$/ : /^2001:2::[0-9a-f]+$/);
  }
});

test("what has its addresses isn't written again, and what wants none gets none", () => {
  const values = allocate([entry("a", { hosts: ["a.example"] })]).get("shop/a");
  assert.ok(values);
  const entries = [
    entry("a", { hosts: ["a.example"] }, values),
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
  const claim = (host: string) => ["240.240.1.1", "2001:2::101"].map((value) => ({ host, value }));
  const found = allocate([
    entry("old", { hosts: ["a.example"] }, claim("a.example")),
    entry("new", { hosts: ["b.example"] }, claim("b.example")),
  ]);
  assert.deepEqual([...found.keys()], ["shop/new"]);
  const values = found.get("shop/new")?.map(({ value }) => value);
  assert.equal(values?.length, 2);
  assert.ok(!values.includes("240.240.1.1") && !values.includes("2001:2::101"), values.join());
});

test("an entry that has an IPv4 address alone keeps it and gets one of IPv6", () => {
  const before = { host: "a.example", value: "240.240.1.1" };
  const [first, second] = allocate([entry("a", { hosts: ["a.example"] }, [before])]).get("shop/a") ?? [];
  assert.deepEqual(first, { ...before });
  assert.match(second?.value ?? "", /^2001:2::/);
});
