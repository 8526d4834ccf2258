import type { Job, JobCondition, JobStatus } from "kubernetes-types/batch/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { timestamp, withCondition } from "./conditions.ts";
import { completionIndexOf, formatIndexes } from "./job-indexes.ts";
import { isPodActive, isPodFinished, isPodReady, restartCount } from "./pod-state.ts";

/** Pods of the job that have ended, those that are gone by now included. */
export interface JobCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Indexes that are done (`completionMode: Indexed`). */
  readonly indexes: ReadonlySet<number>;
}

export interface JobPlan {
  /** How many pods to make now; with indexes, which ones. */
  readonly create: number | readonly number[];
  readonly remove: readonly Pod[];
  readonly status: JobStatus;
  /** What became of the job with this look, for an event. */
  readonly ended?: { readonly type: "Complete" | "Failed"; readonly reason: string; readonly message: string };
  /** ms until time alone changes the plan. */
  readonly nextLook?: number;
}

/** After failures the next pod waits: 10 s, doubled for each failure, at most six minutes (kubernetes: "Pod backoff failure policy"). */
const retry = { first: 10_000, longest: 360_000 };

/** Decides by the job, its pods and the counts what to do next. A finished job needs nothing. */
export function planJob(job: Job, pods: readonly Pod[], counts: JobCounts, now: number): JobPlan {
  const spec = job.spec;
  const active = pods.filter(isPodActive);
  const started = job.status?.startTime ?? (spec?.suspend ? undefined : timestamp(now));
  const terminating = pods.filter((pod) => pod.metadata?.deletionTimestamp !== undefined && !isPodFinished(pod)).length;
  const indexed = spec?.completionMode === "Indexed";
  const succeeded = indexed ? counts.indexes.size : counts.succeeded;
  const status = (running: readonly Pod[], conditions: readonly JobCondition[] | undefined): JobStatus => ({
    ...(started === undefined ? {} : { startTime: started }),
    ...(conditions && conditions.length > 0 ? { conditions: [...conditions] } : {}),
    ...positive({ active: running.length, succeeded, failed: counts.failed }),
    ready: running.filter(isPodReady).length,
    terminating,
    uncountedTerminatedPods: {},
    ...(indexed ? { completedIndexes: formatIndexes(counts.indexes) } : {}),
  });
  if (isJobFinished(job))
    return { create: 0, remove: active, status: keepTimes(job, status([], job.status?.conditions)) };

  const failure = failureOf(job, active, counts.failed, started, now);
  if (failure)
    return { ...end(job, "Failed", failure.reason, failure.message, status([], undefined), now), remove: active };
  const parallelism = spec?.parallelism ?? 1;
  const done =
    spec?.completions === undefined || spec.completions === null
      ? succeeded > 0 && active.length === 0
      : succeeded >= spec.completions;
  if (done) {
    const plan = end(
      job,
      "Complete",
      "CompletionsReached",
      "Reached expected number of succeeded pods",
      status([], undefined),
      now,
    );
    return { ...plan, remove: active };
  }

  if (spec?.suspend) {
    const { startTime: _, ...rest } = status([], suspendedCondition(job, "True", now));
    return { create: 0, remove: active, status: rest };
  }
  const conditions = job.status?.conditions?.some(({ type }) => type === "Suspended")
    ? suspendedCondition(job, "False", now)
    : job.status?.conditions;
  const wanted = wantedActive(parallelism, spec?.completions, succeeded);
  const deadline = deadlineIn(job, started, now);
  const base = { status: status(active, conditions), ...(deadline === undefined ? {} : { nextLook: deadline }) };
  if (active.length > wanted) return { ...base, create: 0, remove: active.slice(wanted) };
  const room = wanted - active.length - terminating;
  if (room <= 0) return { ...base, create: 0, remove: [] };
  const wait = retryIn(pods, counts.failed, now);
  if (wait > 0) return { ...base, create: 0, remove: [], nextLook: Math.min(wait, deadline ?? wait) };
  if (!indexed) return { ...base, create: room, remove: [] };
  const busy = new Set(active.map(completionIndexOf));
  const open = Array.from({ length: spec?.completions ?? 0 }, (_, i) => i).filter(
    (index) => !counts.indexes.has(index) && !busy.has(index),
  );
  return { ...base, create: open.slice(0, room), remove: [] };
}

export function isJobFinished({ status }: Job): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
}

/** Without completions the first success is enough: after it no pod is started. */
function wantedActive(parallelism: number, completions: number | undefined, succeeded: number): number {
  if (completions === undefined || completions === null) return succeeded > 0 ? 0 : parallelism;
  return Math.min(parallelism, completions - succeeded);
}

function failureOf(
  job: Job,
  active: readonly Pod[],
  failed: number,
  started: string | undefined,
  now: number,
): { reason: string; message: string } | undefined {
  const limit = job.spec?.backoffLimit ?? 6;
  const restarts =
    job.spec?.template.spec?.restartPolicy === "OnFailure"
      ? active.reduce((total, pod) => total + restartCount(pod), 0)
      : 0;
  if (failed > limit || (restarts > 0 && restarts >= Math.max(1, limit)))
    return { reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit" };
  if (deadlineIn(job, started, now) === 0)
    return { reason: "DeadlineExceeded", message: "Job was active longer than specified deadline" };
  return undefined;
}

function deadlineIn(job: Job, started: string | undefined, now: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || started === undefined || job.spec?.suspend) return undefined;
  return Math.max(0, Date.parse(started) + seconds * 1000 - now);
}

function retryIn(pods: readonly Pod[], failed: number, now: number): number {
  if (failed === 0) return 0;
  const ends = pods.filter(({ status }) => status?.phase === "Failed").map(endOf);
  if (ends.length === 0) return 0;
  const wait = Math.min(retry.longest, retry.first * 2 ** Math.min(failed - 1, 20));
  return Math.max(0, Math.max(...ends) + wait - now);
}

function endOf(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ""),
  );
  const known = ends.filter((time) => !Number.isNaN(time));
  return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata?.creationTimestamp ?? "") || 0;
}

function end(
  job: Job,
  type: "Complete" | "Failed",
  reason: string,
  message: string,
  status: JobStatus,
  now: number,
): Omit<JobPlan, "remove"> {
  const time = timestamp(now);
  const first = type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget";
  const condition = (type: string): JobCondition => ({
    type,
    status: "True",
    reason,
    message,
    lastProbeTime: time,
    lastTransitionTime: time,
  });
  const conditions = [...(job.status?.conditions ?? []), condition(first), condition(type)];
  return {
    create: 0,
    status: { ...status, conditions, ...(type === "Complete" ? { completionTime: time } : {}) },
    ended: { type, reason, message },
  };
}

function suspendedCondition(job: Job, status: "True" | "False", now: number): JobCondition[] {
  const suspended = status === "True";
  const condition: JobCondition = {
    type: "Suspended",
    status,
    reason: suspended ? "JobSuspended" : "JobResumed",
    message: suspended ? "Job suspended" : "Job resumed",
  };
  return withCondition(job.status?.conditions, condition, { now });
}

function keepTimes(job: Job, status: JobStatus): JobStatus {
  const { completionTime } = job.status ?? {};
  return completionTime === undefined ? status : { ...status, completionTime };
}

function positive(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
