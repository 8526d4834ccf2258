import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { rangesOf } from "./ranges.ts";
import type { ServicePort } from "./service-ports.ts";
import { buildServiceTable, emptyTable, tableFrame } from "./service-table.ts";
import { tableUpdate } from "./table-update.ts";

const web: ServicePort = {
  service: "default/web",
  protocol: "tcp",
  port: 80,
  addresses: ["10.176.128.7", "10.176.192.1"],
  nodePort: 30080,
  endpoints: [
    { ip: "10.176.0.2", port: 8080 },
    { ip: "10.176.0.3", port: 8080 },
  ],
};
const dns: ServicePort = {
  service: "kube-system/kube-dns",
  protocol: "udp",
  port: 53,
  addresses: ["10.176.128.10"],
  endpoints: [{ ip: "10.176.255.1", port: 5300 }],
};

test("an endpoint more is one rule, not a new table", () => {
  const before = buildServiceTable([web, dns]);
  const after = buildServiceTable([{ ...web, endpoints: [...web.endpoints, { ip: "10.176.0.4", port: 8080 }] }, dns]);
  assert.deepEqual(tableUpdate("t", before, after).trim().split("\n"), [
    "flush chain ip t svc/default/web/tcp/80",
    "add rule ip t svc/default/web/tcp/80 meta l4proto tcp dnat ip to numgen random mod 3 map { 0 : 10.176.0.2 . 8080, 1 : 10.176.0.3 . 8080, 2 : 10.176.0.4 . 8080 }",
    "add element ip t endpoints { 10.176.0.4 . 10.176.0.4 }",
  ]);
  assert.equal(tableUpdate("t", after, after), "");
});

test("a Service without endpoints is not translated", () => {
  assert.deepEqual(buildServiceTable([{ ...web, endpoints: [] }]), emptyTable);
});

const canNft = process.getuid?.() === 0 && spawnSync("unshare", ["-n", "nft", "list", "ruleset"]).status === 0;

test("the kernel takes the table and every step from state to state", { skip: !canNft && "needs root and nft" }, () => {
  const states = [
    buildServiceTable([web, dns]),
    buildServiceTable([{ ...web, affinity: 600 }, dns]),
    buildServiceTable([{ ...web, affinity: 60, endpoints: web.endpoints.slice(1) }]),
    buildServiceTable([{ ...web, addresses: ["10.176.128.7"], endpoints: web.endpoints.slice(0, 1) }, dns]),
    emptyTable,
  ];
  let script = tableFrame("t", rangesOf(0));
  let before = emptyTable;
  const steps = [script];
  for (const state of states) {
    script = tableUpdate("weft-t", before, state);
    steps.push(script);
    before = state;
  }
  const commands = steps.map((step, index) => `echo step ${index} >&2; nft -f - <<'E'\n${step}\nE`).join("\n");
  const { status, stderr, stdout } = spawnSync(
    "unshare",
    ["-n", "sh", "-e", "-c", `${commands}\nnft list table ip weft-t`],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stdout, /svc\/|ep\/|aff\//, "the empty state has nothing left of a Service");
});
