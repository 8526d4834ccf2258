import assert from "node:assert/strict";
import { test } from "node:test";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import { typeUrls } from "#xds/resource.ts";
import { bookinfo, keyed, productpageProxy, virtualService } from "../envoy/bookinfo.fixture.ts";
import { generate } from "../envoy/generate.ts";
import { AcceptedRoutes } from "./accepted-routes.ts";

/** The table of port 9080, as bytes. */
function table(...virtualServices: readonly VirtualService[]): Uint8Array {
  const input = bookinfo({ virtualServices: keyed(virtualServices) });
  const view = proxyView(buildSnapshot(undefined, input, {}), productpageProxy);
  const [resource] = generate(view, typeUrls.route, ["9080"]);
  assert.ok(resource);
  return resource.any;
}

function rule(name: string, host: string, path: string): VirtualService {
  return virtualService(name, {
    hosts: [host],
    http: [{ match: [{ uri: { prefix: path } }], route: [{ destination: { host } }] }],
  });
}

const reviews = rule("reviews", "reviews", "/a");
const ratings = rule("ratings", "ratings", "/a");
const names = (routes: AcceptedRoutes, any: Uint8Array) => routes.suspects("9080", any).map(({ name }) => name);

test("of a refused table, what nobody took yet is at fault", () => {
  const routes = new AcceptedRoutes();
  routes.note("9080", table(reviews, ratings));
  assert.deepEqual(names(routes, table(reviews, rule("ratings", "ratings", "/b"))), ["ratings"]);
  assert.deepEqual(names(routes, table(rule("reviews", "reviews", "/b"), ratings)), ["reviews"]);
  // Taken by other proxies, in another form of the table.
  routes.note("9080", table(rule("reviews", "reviews", "/b")));
  assert.deepEqual(names(routes, table(rule("reviews", "reviews", "/b"), rule("ratings", "ratings", "/c"))), [
    "ratings",
  ]);
});

test("without a table that was taken, and where nothing is new, all of it may be at fault", () => {
  const routes = new AcceptedRoutes();
  const all = table(reviews, ratings);
  assert.deepEqual(names(routes, all).sort(), ["ratings", "reviews"]);
  routes.note("9080", all);
  assert.deepEqual(names(routes, all).sort(), ["ratings", "reviews"]);
  assert.deepEqual(routes.suspects("80", all).length, 2);
});
