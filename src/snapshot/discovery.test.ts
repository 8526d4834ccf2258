import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace, Service } from "kubernetes-types/core/v1.d.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { discovered, isDiscovered, selectsOthers } from "./discovery.ts";
import { emptyInput, type MeshInput } from "./input.ts";

function namespace(name: string, labels: Readonly<Record<string, string>>): readonly [string, Namespace] {
  return [name, { metadata: { name, labels } }];
}

function input(selected: string, ...labelled: string[]): MeshInput {
  const discoverySelectors = selected === "" ? [] : [{ matchLabels: { mesh: selected } }];
  return {
    ...emptyInput({ ...defaultMeshConfig, discoverySelectors }),
    namespaces: new Map(
      ["a", "b", "istio-system"].map((name) => namespace(name, labelled.includes(name) ? { mesh: "yes" } : {})),
    ),
    services: new Map<string, Service>(["a/x", "b/x", "istio-system/x"].map((key) => [key, {}])),
  };
}

test("only the selected namespaces count, and the mesh's own", () => {
  const { services, namespaces } = input("", "");
  const lookAt = ({ namespaces: all, meshConfig }: MeshInput) => discovered({ services, namespaces }, all, meshConfig);
  const seen = (of: MeshInput): string[] => [...lookAt(of).services.keys()];
  assert.deepEqual(seen(input("", "a")), ["a/x", "b/x", "istio-system/x"]);
  assert.deepEqual(seen(input("yes", "a")), ["a/x", "istio-system/x"]);
  assert.deepEqual(seen(input("yes")), ["istio-system/x"]);
  const one = input("yes", "a");
  assert.equal(lookAt(one).namespaces.size, 3);
  assert.equal(lookAt(one).services, lookAt(one).services);
  const isSeen = (name: string): boolean => isDiscovered(name, one.namespaces, one.meshConfig);
  assert.deepEqual(["a", "b", "istio-system"].map(isSeen), [true, false, true]);
});

test("a change of selectors or labels is noticed", () => {
  assert.equal(selectsOthers(input("yes", "a"), input("yes", "a")), false);
  assert.equal(selectsOthers(input("yes", "a"), input("yes", "a", "b")), true);
  assert.equal(selectsOthers(input("", "a"), input("", "a", "b")), false);
  assert.equal(selectsOthers(input(""), input("yes")), true);
});
