import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointRows, matchingClusters } from "./endpoint-rows.ts";

const host = (address: string, health: string) => ({
  address: { socket_address: { address, port_value: 80 } },
  health_status: { eds_health_status: health },
});
const statuses = {
  cluster_statuses: [
    { name: "b", host_statuses: [host("10.0.0.2", "HEALTHY"), host("10.0.0.1", "UNHEALTHY")] },
    { name: "a", host_statuses: [{ address: { pipe: { path: "/x" } } }] },
    { name: "empty" },
  ],
};

test("hosts of clusters are listed, and those that are asked for chosen", () => {
  const rows = (filter: Parameters<typeof matchingClusters>[1]) =>
    endpointRows(matchingClusters(statuses, filter)).slice(1);
  assert.deepEqual(rows({}), [
    ["10.0.0.1:80", "UNHEALTHY", "OK", "b"],
    ["10.0.0.2:80", "HEALTHY", "OK", "b"],
    ["unix:///x", "UNKNOWN", "OK", "a"],
  ]);
  assert.deepEqual(rows({ status: "healthy" }), [["10.0.0.2:80", "HEALTHY", "OK", "b"]]);
  assert.deepEqual(rows({ address: "10.0.0.1", port: "80", cluster: "b" }), [["10.0.0.1:80", "UNHEALTHY", "OK", "b"]]);
  assert.deepEqual(matchingClusters(statuses, { port: "81" }), []);
});
