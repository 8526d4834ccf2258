import assert from "node:assert/strict";
import { hostsForNamespace } from "#envoy/gateways/servers.ts";
import { compareSpecificity, hostsOverlap, intersection, isSubsetOf } from "#model/host.ts";
import type { RowCheck } from "./row.ts";

/** The empty list is `{}` in the data. */
function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

export const hostRows: Readonly<Record<string, RowCheck>> = {
  TestNameMatches: ({ a, b, out }) => {
    assert.equal(hostsOverlap(String(a), String(b)), out);
    assert.equal(hostsOverlap(String(b), String(a)), out);
  },
  BenchmarkNameMatch: ({ a, z, matches }) => assert.equal(hostsOverlap(String(a), String(z)), matches),
  TestNameSubsetOf: ({ a, b, out }) => assert.equal(isSubsetOf(String(a), String(b)), out),
  TestNamesIntersection: ({ a, b, intersection: want }) =>
    assert.deepEqual(intersection(names(a), names(b)), names(want)),
  TestNamesForNamespace: ({ hosts, namespace, want }) =>
    assert.deepEqual(hostsForNamespace(names(hosts), String(namespace)), want),
  TestNamesSortOrder: ({ in: given, want }) => assert.deepEqual([...names(given)].sort(compareSpecificity), want),
  TestMoreSpecific: ({ host1, host2, expected }) =>
    assert.equal(compareSpecificity(String(host1), String(host2)) < 0, expected),
};
