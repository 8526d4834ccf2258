import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRouteRule } from "./route-rule.ts";
import { translateRules } from "./translate.ts";

const rule = (name: string, spec: object) =>
  parseRouteRule({ apiVersion: "config.istio.io/v1alpha2", kind: "RouteRule", metadata: { name }, spec }, "rules.yaml");

test("rules of one host become one VirtualService, the highest precedence first", () => {
  const [destinationRule, virtualService] = translateRules(
    [
      rule("reviews-default", {
        destination: { name: "reviews" },
        precedence: 1,
        route: [{ labels: { version: "v1" } }],
      }),
      rule("reviews-test-v2", {
        destination: { name: "reviews" },
        precedence: 2,
        match: {
          request: { headers: { cookie: { regex: "^(.*?;)?(user=jason)(;.*)?$" }, uri: { prefix: "/reviews" } } },
        },
        route: [{ labels: { version: "v2" } }],
        httpFault: { delay: { percent: 10, fixedDelay: "5s" } },
        httpReqTimeout: { simpleTimeout: { timeout: "1s" } },
      }),
    ],
    "default",
  );
  assert.deepEqual(destinationRule?.spec, {
    host: "reviews",
    subsets: [
      { name: "version-v2", labels: { version: "v2" } },
      { name: "version-v1", labels: { version: "v1" } },
    ],
  });
  assert.deepEqual(virtualService?.spec, {
    hosts: ["reviews"],
    http: [
      {
        match: [{ uri: { prefix: "/reviews" }, headers: { cookie: { regex: "^(.*?;)?(user=jason)(;.*)?$" } } }],
        route: [{ destination: { host: "reviews", subset: "version-v2" } }],
        timeout: "1s",
        fault: { delay: { percentage: { value: 10 }, fixedDelay: "5s" } },
      },
      { route: [{ destination: { host: "reviews", subset: "version-v1" } }] },
    ],
  });
});

test("bad rules name the field", () => {
  assert.throws(() => rule("x", {}), /RouteRule x: spec.destination.name is missing/);
  assert.throws(() => rule("x", { destination: { name: "a" }, l4Fault: {} }), /spec.l4Fault can't be translated/);
  const route = [{ weight: 50 }, { weight: 20 }];
  assert.throws(() => rule("x", { destination: { name: "a" }, route }), /weights add up to 70, must be 100/);
});
