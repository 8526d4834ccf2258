import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJsonPath } from "./json-path.ts";

const object = {
  metadata: { name: "a", annotations: { "x.y/z": "1" } },
  spec: { hosts: ["a", "b"], ports: [{ name: "http", port: 80 }] },
  status: {
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Other", status: "False" },
    ],
  },
};

const cases: readonly [path: string, values: unknown[]][] = [
  [".metadata.name", ["a"]],
  ["{.metadata.name}", ["a"]],
  [".spec.hosts", [["a", "b"]]],
  [".spec.hosts[1]", ["b"]],
  [".spec.hosts[*]", ["a", "b"]],
  [".spec.ports[0].port", [80]],
  ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
  [".metadata.annotations['x.y/z']", ["1"]],
  [String.raw`.metadata.annotations.x\.y/z`, ["1"]],
  [".spec.none.deeper", []],
  [".spec.hosts[", []],
];

for (const [path, values] of cases)
  test(path, () => {
    assert.deepEqual(parseJsonPath(path)(object), values);
  });
