import type { CronJob, CronJobStatus, Job } from "kubernetes-types/batch/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { timestamp } from "./conditions.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { type CronSchedule, parseCron } from "./cron-schedule.ts";
import { isJobFinished } from "./job-plan.ts";
import { controllerReference, isControlledBy, ownerKeyOf } from "./owners.ts";
import { messageOf } from "./pod-control.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** More missed times than this are not made up for one by one. */
const maxMissed = 100;

/** Starts a Job at each time of a CronJob's schedule. */
export function runCronJobs(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { cronJobs, jobs } = state;
  const recorder = context.recorder("cronjob-controller");
  const queue = createWorkQueue({ name: "cronjob", log, reconcile });

  async function reconcile(key: string): Promise<number | void> {
    const cron = cronJobs.get(key);
    if (!cron?.spec || cron.metadata?.deletionTimestamp) return;
    const own = [...jobs.values()].filter((job) => isControlledBy(job, cron));
    await trimHistory(cron, own);
    let schedule: CronSchedule;
    try {
      schedule = parseCron(cron.spec.schedule, cron.spec.timeZone);
    } catch (error) {
      recorder.event(cron, "Warning", "UnparseableSchedule", messageOf(error));
      return;
    }
    const now = Date.now();
    const due = cron.spec.suspend ? undefined : lastDue(cron, schedule, now);
    const started = due === undefined ? undefined : await start(cron, own, due);
    await report(cron, [...own, ...(started ? [started] : [])], started && due !== undefined ? due : undefined);
    const next = schedule.next(now);
    return next === undefined ? undefined : next - now;
  }

  async function start(cron: CronJob, own: readonly Job[], due: number): Promise<Job | undefined> {
    const active = own.filter((job) => !isJobFinished(job));
    if (cron.spec?.concurrencyPolicy === "Forbid" && active.length > 0) {
      recorder.event(
        cron,
        "Normal",
        "JobAlreadyActive",
        "Not starting job because prior execution is running and concurrency policy is Forbid",
      );
      return undefined;
    }
    if (cron.spec?.concurrencyPolicy === "Replace") await Promise.all(active.map(remove));
    const { metadata, spec } = cron.spec?.jobTemplate ?? {};
    const job: Job = {
      metadata: {
        name: `${cron.metadata?.name}-${Math.floor(due / 60_000)}`,
        namespace: cron.metadata?.namespace ?? "default",
        ...(metadata?.labels ? { labels: metadata.labels } : {}),
        annotations: { ...metadata?.annotations, "batch.kubernetes.io/cronjob-scheduled-timestamp": timestamp(due) },
        ownerReferences: [controllerReference(cron, resourceTypes.cronJobs)],
      },
      ...(spec ? { spec } : {}),
    };
    try {
      const created = await client.create<Job>(resourceTypes.jobs, job);
      recorder.event(cron, "Normal", "SuccessfulCreate", `Created job ${created.metadata?.name}`);
      await jobs.until(objectKey(created), (seen) => seen !== undefined);
      return created;
    } catch (error) {
      if (isKubeError(error, "AlreadyExists")) return undefined;
      recorder.event(cron, "Warning", "FailedCreate", `Error creating job: ${messageOf(error)}`);
      throw error;
    }
  }

  async function report(cron: CronJob, own: readonly Job[], due: number | undefined): Promise<void> {
    const active = own.filter((job) => !isJobFinished(job));
    const successes = own.flatMap(({ status }) => status?.completionTime ?? []).sort();
    const lastScheduleTime = due === undefined ? cron.status?.lastScheduleTime : timestamp(due);
    const lastSuccessfulTime = successes.at(-1) ?? cron.status?.lastSuccessfulTime;
    const status: CronJobStatus = {
      ...(active.length > 0
        ? {
            active: active.map(({ metadata }) => ({
              apiVersion: "batch/v1",
              kind: "Job",
              namespace: metadata?.namespace ?? "",
              name: metadata?.name ?? "",
              uid: metadata?.uid ?? "",
            })),
          }
        : {}),
      ...(lastScheduleTime ? { lastScheduleTime } : {}),
      ...(lastSuccessfulTime ? { lastSuccessfulTime } : {}),
    };
    await writeStatus(client, resourceTypes.cronJobs, cronJobs, cron, status);
  }

  async function trimHistory(cron: CronJob, own: readonly Job[]): Promise<void> {
    const ended = (type: string) =>
      own
        .filter(({ status }) => status?.conditions?.some((one) => one.type === type && one.status === "True"))
        .toSorted((a, b) => Date.parse(a.status?.startTime ?? "") - Date.parse(b.status?.startTime ?? ""));
    const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron.spec ?? {};
    const surplus = [
      ...ended("Complete").slice(0, Math.max(0, ended("Complete").length - successfulJobsHistoryLimit)),
      ...ended("Failed").slice(0, Math.max(0, ended("Failed").length - failedJobsHistoryLimit)),
    ];
    await Promise.all(surplus.map(remove));
  }

  async function remove({ metadata }: Job): Promise<void> {
    const { namespace = "", name = "" } = metadata ?? {};
    try {
      await client.delete(resourceTypes.jobs, { namespace, name, propagationPolicy: "Background" });
    } catch (error) {
      if (!isKubeError(error, "NotFound")) throw error;
    }
  }

  cronJobs.onChange(({ key }) => queue.add(key));
  jobs.onChange(({ before, after }) => {
    const key = ownerKeyOf(after ?? before, "CronJob");
    if (key) queue.add(key);
  });
  return queue;
}

/** The latest time of the schedule that has passed and for which no Job was started, if it isn't too late for it. */
function lastDue(cron: CronJob, schedule: CronSchedule, now: number): number | undefined {
  const since = cron.status?.lastScheduleTime ?? cron.metadata?.creationTimestamp;
  let from = Date.parse(since ?? "") || now;
  const deadline = cron.spec?.startingDeadlineSeconds;
  if (deadline !== undefined) from = Math.max(from, now - deadline * 1000);
  let due: number | undefined;
  for (let i = 0; i < maxMissed; i++) {
    const next = schedule.next(due ?? from);
    if (next === undefined || next > now) return due;
    due = next;
  }
  // Far behind, after a long sleep of the machine: begin anew with the last minute's worth.
  const next = schedule.next(now - 60_000);
  return next !== undefined && next <= now ? next : due;
}
