import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../usage-error.ts";
import { parseStatuses, rejections, statusRows } from "./status.ts";

const answer = JSON.stringify([
  {
    cluster: "Kubernetes",
    proxy: "web-1.shop",
    proxy_version: "0.1.0",
    state: { CDS: "SYNCED", LDS: "ERROR", EDS: "STALE" },
    errors: { LDS: { resources: ["0.0.0.0_80"], message: "duplicate address" } },
  },
  { cluster: "Kubernetes", proxy: "api-1.shop", proxy_version: "0.1.0", state: { CDS: "SYNCED" }, errors: {} },
]);

test("a row for each proxy, by name; what it never asked for is ignored", () => {
  assert.deepEqual(statusRows(parseStatuses(answer, "istiod-1")), [
    ["NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "ECDS", "ISTIOD", "VERSION"],
    ["api-1.shop", "Kubernetes", "SYNCED", "IGNORED", "IGNORED", "IGNORED", "IGNORED", "istiod-1", "0.1.0"],
    ["web-1.shop", "Kubernetes", "SYNCED", "ERROR", "STALE", "IGNORED", "IGNORED", "istiod-1", "0.1.0"],
  ]);
});

test("a rejection is told in the proxy's words", () => {
  assert.deepEqual(rejections(parseStatuses(answer, "istiod-1")), [
    "web-1.shop rejected LDS 0.0.0.0_80; it goes on with what it had: duplicate address",
  ]);
});

test("an answer that is no JSON names the istiod", () => {
  assert.throws(
    () => parseStatuses("<html>", "istiod-1"),
    (error) => error instanceof UsageError && error.message.includes("istiod-1"),
  );
});
