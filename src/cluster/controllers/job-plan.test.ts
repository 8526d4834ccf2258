import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobSpec } from "kubernetes-types/batch/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { formatIndexes, parseIndexes } from "./job-indexes.ts";
import { planJob } from "./job-plan.ts";

const now = Date.parse("2026-03-01T10:00:00Z");
const job = (spec: Partial<JobSpec>, status: Job["status"] = {}): Job => ({
  metadata: { name: "pi" },
  spec: { template: {}, completions: 1, parallelism: 1, ...spec },
  status,
});
const pod = (phase: string, finishedAt?: string): Pod => ({
  metadata: {},
  status: {
    phase,
    containerStatuses: finishedAt
      ? [{ restartCount: 0, state: { terminated: { exitCode: 1, finishedAt } } } as never]
      : [],
  },
});
const counts = (succeeded: number, failed = 0, indexes: number[] = []) => ({
  succeeded,
  failed,
  indexes: new Set(indexes),
});
const types = (plan: ReturnType<typeof planJob>) => plan.status.conditions?.map(({ type }) => type) ?? [];

test("never more pods than parallelism, nor than completions are missing", () => {
  assert.equal(planJob(job({ completions: 5, parallelism: 3 }), [], counts(0), now).create, 3);
  assert.equal(planJob(job({ completions: 5, parallelism: 3 }), [pod("Running")], counts(3), now).create, 1);
  assert.equal(
    planJob(job({ completions: 5, parallelism: 1 }), [pod("Running"), pod("Pending")], counts(0), now).remove.length,
    1,
  );
});

test("it is complete with the last success, and then left alone", () => {
  const plan = planJob(job({}), [pod("Succeeded")], counts(1), now);
  assert.deepEqual(types(plan), ["SuccessCriteriaMet", "Complete"]);
  assert.equal(plan.status.completionTime, "2026-03-01T10:00:00Z");
  const again = planJob(job({}, plan.status), [], counts(1), now + 60_000);
  assert.deepEqual(
    [again.create, again.status],
    [0, { ...plan.status, ready: 0, terminating: 0, uncountedTerminatedPods: {} }],
  );
});

test("a failure is tried again, later each time, until the limit", () => {
  const failed = pod("Failed", "2026-03-01T09:59:55Z");
  const first = planJob(job({ backoffLimit: 2 }), [failed], counts(0, 1), now);
  assert.deepEqual([first.create, first.nextLook], [0, 5_000]);
  assert.equal(planJob(job({ backoffLimit: 2 }), [failed], counts(0, 1), now + 5_000).create, 1);
  assert.equal(planJob(job({ backoffLimit: 2 }), [failed], counts(0, 2), now).nextLook, 15_000);
  const last = planJob(job({ backoffLimit: 2 }), [pod("Running")], counts(0, 3), now);
  assert.deepEqual([last.ended?.reason, last.remove.length], ["BackoffLimitExceeded", 1]);
});

test("the deadline ends it", () => {
  const spec = { activeDeadlineSeconds: 30 };
  const status = { startTime: "2026-03-01T09:59:40Z" };
  assert.equal(planJob(job(spec, status), [pod("Running")], counts(0), now).nextLook, 10_000);
  assert.equal(planJob(job(spec, status), [pod("Running")], counts(0), now + 10_000).ended?.reason, "DeadlineExceeded");
});

test("indexes are given out once each", () => {
  const spec = { completionMode: "Indexed", completions: 4, parallelism: 2 };
  const busy: Pod = {
    ...pod("Running"),
    metadata: { annotations: { "batch.kubernetes.io/job-completion-index": "1" } },
  };
  const plan = planJob(job(spec), [busy], counts(1, 0, [0]), now);
  assert.deepEqual([plan.create, plan.status.completedIndexes], [[2], "0"]);
  assert.equal(formatIndexes(new Set([5, 0, 1, 2])), "0-2,5");
  assert.deepEqual([...parseIndexes("0-2,5")], [0, 1, 2, 5]);
});
