import type { Job } from "kubernetes-types/batch/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { claim } from "./claim.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { completionIndexOf, parseIndexes, withCompletionIndex } from "./job-indexes.ts";
import { isJobFinished, type JobCounts, type JobPlan, planJob } from "./job-plan.ts";
import { enqueueFromPods } from "./owner-queue.ts";
import { isControlledBy } from "./owners.ts";
import { createPodControl } from "./pod-control.ts";
import { isPodActive } from "./pod-state.ts";
import { podFromTemplate } from "./pod-template.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** Pods that ended, by uid: a pod that is deleted afterwards still counts. */
interface Tally {
  /** What the status said beyond the pods that were there at the first look. */
  readonly before: { readonly succeeded: number; readonly failed: number; readonly indexes: ReadonlySet<number> };
  readonly succeeded: Map<string, number | undefined>;
  readonly failed: Set<string>;
}

/** Runs the pods of Jobs to their end, and removes finished Jobs whose time is over. */
export function runJobs(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { jobs, pods } = state;
  const recorder = context.recorder("job-controller");
  const podControl = createPodControl(context, recorder);
  const queue = createWorkQueue({ name: "job", log, reconcile });
  const tallies = new Map<string, Tally>();

  async function reconcile(key: string): Promise<number | void> {
    const job = jobs.get(key);
    if (!job?.spec || job.metadata?.deletionTimestamp) return;
    if (isJobFinished(job)) {
      const left = expiresIn(job, Date.now());
      if (left === 0) return remove(job);
      if (left !== undefined) queue.addAfter(key, left);
    }
    await claim(client, {
      type: resourceTypes.pods,
      cache: pods,
      owner: job,
      ownerType: resourceTypes.jobs,
      selector: job.spec.selector,
      mayAdopt: isPodActive,
    });
    const own = [...pods.values()].filter((pod) => isControlledBy(pod, job));
    const plan = planJob(job, own, count(job, own), Date.now());
    // The status first: what is counted stays counted whatever becomes of the pods.
    await writeStatus(client, resourceTypes.jobs, jobs, job, plan.status);
    tell(job, plan);
    await Promise.all(plan.remove.map((pod) => podControl.delete(job, pod)));
    await Promise.all(podsToMake(job, plan).map((pod) => podControl.create(job, pod)));
    return plan.nextLook;
  }

  function count(job: Job, own: readonly Pod[]): JobCounts {
    const uid = job.metadata?.uid ?? "";
    const inPhase = (phase: string): Pod[] => own.filter(({ status }) => status?.phase === phase);
    let tally = tallies.get(uid);
    if (!tally) {
      const { succeeded = 0, failed = 0, completedIndexes } = job.status ?? {};
      const before = {
        succeeded: Math.max(0, succeeded - inPhase("Succeeded").length),
        failed: Math.max(0, failed - inPhase("Failed").length),
        indexes: parseIndexes(completedIndexes),
      };
      tally = { before, succeeded: new Map(), failed: new Set() };
      tallies.set(uid, tally);
    }
    for (const pod of inPhase("Succeeded")) tally.succeeded.set(pod.metadata?.uid ?? "", completionIndexOf(pod));
    for (const pod of inPhase("Failed")) tally.failed.add(pod.metadata?.uid ?? "");
    const indexes = [...tally.succeeded.values()].filter((index) => index !== undefined);
    return {
      succeeded: tally.before.succeeded + tally.succeeded.size,
      failed: tally.before.failed + tally.failed.size,
      indexes: new Set([...tally.before.indexes, ...indexes]),
    };
  }

  function tell(job: Job, { ended }: JobPlan): void {
    if (ended?.type === "Complete") recorder.event(job, "Normal", "Completed", "Job completed");
    else if (ended) recorder.event(job, "Warning", ended.reason, ended.message);
  }

  async function remove(job: Job): Promise<void> {
    const { namespace = "", name = "", uid = "" } = job.metadata ?? {};
    try {
      await client.delete(resourceTypes.jobs, { namespace, name, uid, propagationPolicy: "Foreground" });
    } catch (error) {
      if (!isKubeError(error, "NotFound") && !isKubeError(error, "Conflict")) throw error;
    }
  }

  jobs.onChange(({ key, before, after }) => {
    if (!after && before) tallies.delete(before.metadata?.uid ?? "");
    queue.add(key);
  });
  enqueueFromPods(context, "Job", jobs, queue);
  return queue;
}

function podsToMake(job: Job, { create }: JobPlan): Pod[] {
  const template = job.spec?.template ?? {};
  if (typeof create === "number")
    return Array.from({ length: create }, () => podFromTemplate(job, resourceTypes.jobs, template));
  return create.map((index) => {
    const name = `${job.metadata?.name}-${index}`;
    const pod = podFromTemplate(job, resourceTypes.jobs, withCompletionIndex(template, index, name));
    return { ...pod, metadata: { ...pod.metadata, generateName: `${name.slice(0, 57)}-` } };
  });
}

/** ms until `ttlSecondsAfterFinished` is over. */
function expiresIn({ spec, status }: Job, now: number): number | undefined {
  if (spec?.ttlSecondsAfterFinished === undefined) return undefined;
  const end = status?.conditions?.find(({ type }) => type === "Complete" || type === "Failed")?.lastTransitionTime;
  return Math.max(0, Date.parse(end ?? "") + spec.ttlSecondsAfterFinished * 1000 - now);
}
