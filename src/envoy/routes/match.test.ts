import assert from "node:assert/strict";
import { test } from "node:test";
import type { HTTPMatchRequest } from "#api/istio/virtual-service.ts";
import { isCatchAll, routeMatch } from "./match.ts";

function claimsOf(match: HTTPMatchRequest) {
  const { dynamicMetadata = [], headers } = routeMatch(match);
  assert.deepEqual(headers, []);
  return dynamicMetadata.map(({ filter, path = [], value, invert }) => {
    assert.equal(filter, "envoy.filters.http.jwt_authn");
    const keys = path.map(({ segment }) => (segment?.case === "key" ? segment.value : undefined));
    return [keys.join(" "), value?.matchPattern?.case, invert];
  });
}

test("a header that stands for a claim is looked for in what the token's check left", () => {
  const headers = { "@request.auth.claims.group": { exact: "a" }, "@Request.Auth.Claims[a.b][C]": { prefix: "x" } };
  assert.deepEqual(claimsOf({ headers }), [
    ["payload a.b C", "orMatch", false],
    ["payload group", "orMatch", false],
  ]);
});

test("a claim may just have to be there, or not to be so", () => {
  assert.deepEqual(claimsOf({ headers: { "@request.auth.claims.a.b": {} } }), [["payload a b", "presentMatch", false]]);
  assert.deepEqual(claimsOf({ withoutHeaders: { "@request.auth.claims.a": { exact: "x" } } }), [
    ["payload a", "orMatch", true],
  ]);
});

test("a route that asks for a claim doesn't take everything", () => {
  assert.equal(isCatchAll(routeMatch({ headers: { "@request.auth.claims.a": {} } })), false);
  assert.equal(isCatchAll(routeMatch({})), true);
});

for (const name of [
  "@request.auth.claims",
  "@request.auth.claims.",
  "@request.auth.claims[]",
  "@request.auth.claims[a",
  "@request.auth.claims.a..b",
  "@request.auth.claims[a][]",
])
  test(`${name} is no claim`, () => assert.deepEqual(routeMatch({ headers: { [name]: {} } }).dynamicMetadata, []));
