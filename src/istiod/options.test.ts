import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions } from "./options.ts";

test("the arguments that an install passes are understood, those of Istio that mean nothing here are let be", () => {
  const args = [
    "--monitoringAddr=:15014",
    "--log_output_level=default:info,ads:debug",
    "--domain",
    "cluster.local",
    "--keepaliveMaxServerConnectionAge",
    "30m",
    "--registries=Kubernetes",
  ];
  const options = readOptions(args, { POD_NAMESPACE: "mesh", REVISION: "canary", PILOT_DEBOUNCE_AFTER: "1s" });
  assert.deepEqual(options.ports, { xds: 15010, secureXds: 15012, monitoring: 15014, http: 8080, webhook: 15017 });
  assert.equal(options.maxConnectionAgeMs, 1_800_000);
  assert.deepEqual(options.debounceMs, { quiet: 1000, longest: 10_000 });
  assert.deepEqual([options.namespace, options.revision, options.logLevel], ["mesh", "canary", "debug"]);
});

test("what can't be used is named", () => {
  assert.throws(() => readOptions(["--grpcAddr=x"], {}), /--grpcAddr: "x" is not an address/);
  assert.throws(() => readOptions(["--keepaliveMaxServerConnectionAge=long"], {}), /"long" is not a duration/);
  assert.throws(() => readOptions([], { PILOT_PUSH_THROTTLE: "0" }), /PILOT_PUSH_THROTTLE: 0 is not a positive number/);
});
