import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "#log/log.ts";
import { runEnvoy } from "./envoy-process.ts";

function recorder(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log };
  return { log, lines };
}

test("an Envoy that never stays up is given up, with the reason", async () => {
  const { log, lines } = recorder();
  let starts = 0;
  const envoy = runEnvoy("/bin/sh", ["-c", "exit 3"], log, () => (starts += 1), 1);
  assert.equal(await envoy.done, 1);
  assert.equal(starts, 5);
  assert.match(lines.at(-1) ?? "", /giving up.*"code":3/);
});

test("an Envoy that isn't there ends the agent at once", async () => {
  const { log, lines } = recorder();
  assert.equal(await runEnvoy("/nonexistent/envoy", [], log, () => {}).done, 1);
  assert.match(lines[0] ?? "", /can't be started.*\/nonexistent\/envoy/);
});

test("stop ends Envoy, also one that doesn't listen", async () => {
  const { log } = recorder();
  const started = Promise.withResolvers<void>();
  const envoy = runEnvoy("/bin/sh", ["-c", "trap '' TERM; while :; do sleep 0.1; done"], log, started.resolve);
  await started.promise;
  await envoy.stop(100);
  assert.equal(await envoy.done, 0);
});
