import assert from "node:assert/strict";
import type { HTTPMatchRequest, HTTPRoute } from "#api/istio/virtual-service.ts";
import { hasConflict, mergeMatches, mergeRoutes } from "#snapshot/delegates.ts";
import type { RowCheck } from "./row.ts";

type Matches = readonly HTTPMatchRequest[];

export const mergeRows: Readonly<Record<string, RowCheck>> = {
  TestMergeHttpRoutes: ({ root, delegate, expected }) =>
    assert.deepEqual(mergeRoutes(root as HTTPRoute, delegate as readonly HTTPRoute[]), expected),
  TestMergeHTTPMatchRequests: ({ root, delegate, expected }) =>
    assert.deepEqual(mergeMatches(root as Matches, delegate as Matches) ?? null, expected),
  TestHasConflict: ({ root, leaf, expected }) =>
    assert.equal(hasConflict(root as HTTPMatchRequest, leaf as HTTPMatchRequest), expected),
};
