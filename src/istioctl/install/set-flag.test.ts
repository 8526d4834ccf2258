import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../usage-error.ts";
import { merge } from "./merge.ts";
import { applySetFlag } from "./set-flag.ts";

test("--set reaches into objects and lists", () => {
  assert.deepEqual(applySetFlag({}, "values.global.logging.level=default:debug"), {
    values: { global: { logging: { level: "default:debug" } } },
  });
  const gateways = { components: { egressGateways: [{ name: "istio-egressgateway", enabled: false }] } };
  const enabled = { components: { egressGateways: [{ name: "istio-egressgateway", enabled: true }] } };
  assert.deepEqual(applySetFlag(gateways, "components.egressGateways[0].enabled=true"), enabled);
  assert.deepEqual(applySetFlag(gateways, "components.egressGateways[name:istio-egressgateway].enabled=true"), enabled);
  assert.deepEqual(applySetFlag({}, "a.prometheus\\.io/port=15020"), { a: { "prometheus.io/port": 15020 } });
  assert.deepEqual(applySetFlag({}, "a={x,2}"), { a: ["x", 2] });
});

test("a bad --set says which part of it is wrong", () => {
  assert.throws(() => applySetFlag({}, "profile"), { name: "UsageError", message: /profile: expected path=value/ });
  assert.throws(() => applySetFlag({ a: 1 }, "a.b=2"), UsageError);
  assert.throws(() => applySetFlag({}, "a[3]=2"), /only 0 items/);
});

test("an overlay switches one of several gateways", () => {
  const base = [
    { name: "a", enabled: true },
    { name: "b", enabled: true },
  ];
  assert.deepEqual(merge(base, [{ name: "b", enabled: false }]), [
    { name: "a", enabled: true },
    { name: "b", enabled: false },
  ]);
  assert.deepEqual(
    merge([{ name: "p", port: 1 }], [{ name: "q", port: 2 }]),
    [{ name: "q", port: 2 }],
    "plain lists replace",
  );
  assert.deepEqual(merge({ a: 1, b: 2 }, { a: null }), { b: 2 }, "null removes");
});
