import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultMeshConfig, type MeshConfig } from "#model/mesh-config.ts";
import type { Endpoint } from "#model/service.ts";
import { buildSnapshot } from "./build.ts";
import { endpointsForOthers } from "./cluster-local.ts";
import { emptyInput } from "./input.ts";
import type { Snapshot } from "./snapshot.ts";

const keys = [
  "default/kubernetes.default.svc.cluster.local",
  "kube-system/kube-dns.kube-system.svc.cluster.local",
  "shop/cart.shop.svc.cluster.local",
  "shop/web.shop.svc.cluster.local",
];

function snapshot(serviceSettings: MeshConfig["serviceSettings"]): Snapshot {
  const endpoints = new Map<string, readonly Endpoint[]>(keys.map((key) => [key, []]));
  return { ...buildSnapshot(undefined, emptyInput({ ...defaultMeshConfig, serviceSettings }), {}), endpoints };
}

test("what Kubernetes runs stays within its cluster", () => {
  const seen = snapshot([]);
  assert.deepEqual([...endpointsForOthers(seen).keys()], keys.slice(2));
  assert.equal(endpointsForOthers(seen), endpointsForOthers({ ...seen, generation: 2 }), "the same for the same");
});

test("the mesh says it of other hosts, the more specific setting first", () => {
  const settings = [
    { hosts: ["*.shop.svc.cluster.local", "kubernetes.default.svc.cluster.local"], clusterLocal: true },
    { hosts: ["web.shop.svc.cluster.local", "*.kube-system.svc.cluster.local"], clusterLocal: false },
  ];
  assert.deepEqual([...endpointsForOthers(snapshot(settings)).keys()], [keys[1], keys[3]]);
});
