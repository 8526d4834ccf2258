import assert from "node:assert/strict";
import { test } from "node:test";
import type { Server } from "#api/istio/gateway.ts";
import type { VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { bookinfo, gateway, ingressProxy, keyed, virtualService } from "#envoy/bookinfo.fixture.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import { wholeConfig } from "../accept/xds/proxy-config.ts";
import type { Call, Result } from "./call.ts";
import { simulate } from "./simulate.ts";

const selector = { istio: "ingressgateway" };
const reviews = "outbound|9080||reviews.default.svc.cluster.local";
const mongodb = "outbound|27017||mongodb.default.svc.cluster.local";

function call(
  gateways: Readonly<Record<string, readonly Server[]>>,
  rules: Readonly<Record<string, VirtualServiceSpec>>,
  made: Call,
): Result {
  const input = bookinfo({
    gateways: keyed(Object.entries(gateways).map(([name, servers]) => gateway(name, { selector, servers }))),
    virtualServices: keyed(Object.entries(rules).map(([name, spec]) => virtualService(name, spec))),
  });
  const snapshot = buildSnapshot(undefined, input, {});
  assert.deepEqual(snapshot.problems, []);
  return simulate(wholeConfig(proxyView(snapshot, ingressProxy)), "router", made);
}

const https = (
  name: string,
  hosts: readonly string[],
  tls: Server["tls"] = { mode: "SIMPLE", credentialName: "c" },
) => ({
  port: { number: 443, name, protocol: "HTTPS" },
  hosts,
  tls,
});
const tls = (name: string, hosts: readonly string[]): Server => ({
  port: { number: 443, name, protocol: "TLS" },
  hosts,
  tls: { mode: "PASSTHROUGH" },
});
const toReviews = { route: [{ destination: { host: "reviews" } }] };
const toMongodb = { route: [{ destination: { host: "mongodb" } }] };
const open = { port: 8443, protocol: "http", tls: "tls", hostHeader: "a.example" } as const;

test("two servers that open TLS for one name: the first has it, and the listener works", () => {
  const rules = { web: { hosts: ["*"], gateways: ["first", "second"], http: [toReviews] } };
  const servers = { first: [https("one", ["./a.example"])], second: [https("two", ["*/a.example"])] };
  const result = call(servers, rules, open);
  assert.equal(result.routeConfigMatched, "https.443.one.first.default");
  assert.equal(result.clusterMatched, reviews);
});

test("TLS that isn't opened goes by its name, beside names that are opened and one for the rest", () => {
  const gateways = { front: [https("web", ["a.example"]), tls("pass", ["b.example"]), tls("rest", ["*"])] };
  const rules: Record<string, VirtualServiceSpec> = {
    web: { hosts: ["a.example"], gateways: ["front"], http: [toReviews] },
    pass: { hosts: ["b.example"], gateways: ["front"], tls: [{ match: [{ sniHosts: ["b.example"] }], ...toMongodb }] },
    rest: { hosts: ["*"], gateways: ["front"], tls: [{ match: [{ sniHosts: ["*"] }], ...toReviews }] },
  };
  assert.equal(call(gateways, rules, open).clusterMatched, reviews);
  const pass = (sni: string): Call => ({ port: 8443, protocol: "tcp", tls: "tls", sni });
  assert.equal(call(gateways, rules, pass("b.example")).clusterMatched, mongodb);
  assert.equal(call(gateways, rules, pass("c.example")).clusterMatched, reviews);
  assert.equal(call(gateways, rules, { port: 8443, protocol: "tcp" }).error, "ErrNoFilterChain");
});

test("a rule that only some namespaces' servers take is used for those", () => {
  const rules = { web: { hosts: ["a.example"], gateways: ["front"], http: [toReviews] } };
  const ask = (host: string): Result =>
    call({ front: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: [host] }] }, rules, {
      port: 8080,
      protocol: "http",
      hostHeader: "a.example",
    });
  assert.equal(ask("default/*.example").clusterMatched, reviews);
  assert.equal(ask("./a.example").clusterMatched, reviews);
  assert.equal(ask("other/*").error, "ErrNoRoute");
});

test("several rules for one host add up, and what takes everything comes last", () => {
  const rules: Record<string, VirtualServiceSpec> = {
    all: { hosts: ["a.example"], gateways: ["front"], http: [{ name: "all", ...toReviews }] },
    some: {
      hosts: ["*.example"],
      gateways: ["front"],
      http: [{ name: "some", match: [{ uri: { prefix: "/m" } }], ...toMongodb }],
    },
    more: {
      hosts: ["a.example"],
      gateways: ["front"],
      http: [{ name: "more", match: [{ uri: { prefix: "/m" } }], ...toMongodb }],
    },
  };
  const front = [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }];
  const ask = (path: string, hostHeader: string): Result =>
    call({ front }, rules, { port: 8080, protocol: "http", hostHeader, path });
  assert.equal(ask("/m", "a.example").routeMatched, "more");
  assert.equal(ask("/x", "a.example").routeMatched, "all");
  assert.equal(ask("/m", "b.example").routeMatched, "some");
  assert.equal(ask("/x", "b.example").error, "ErrNoRoute");
});

test("a bind is an address of its own", () => {
  const http = (bind: string): Server => ({
    port: { number: 80, name: "http", protocol: "HTTP" },
    hosts: ["*"],
    bind,
  });
  const rules = { web: { hosts: ["*"], gateways: ["front"], http: [toReviews] } };
  const front = [http("127.0.0.1")];
  const ask = (address: string): Result =>
    call({ front }, rules, { port: 8080, address, protocol: "http", hostHeader: "a" });
  assert.equal(ask("127.0.0.1").listenerMatched, "127.0.0.1_8080");
  assert.equal(ask("10.0.0.20").error, "ErrNoListener");
});
