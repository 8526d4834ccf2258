import type { ReplicaSet, ReplicaSetStatus } from "kubernetes-types/apps/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { claim } from "./claim.ts";
import { withCondition, withoutCondition } from "./conditions.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { inDeletionOrder } from "./deletion-order.ts";
import { enqueueFromPods } from "./owner-queue.ts";
import { isControlledBy } from "./owners.ts";
import { createPodControl, messageOf } from "./pod-control.ts";
import { availableIn, isPodActive, isPodReady } from "./pod-state.ts";
import { podFromTemplate } from "./pod-template.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/** Pods made or given up in one step. */
const burst = 100;

/** Keeps as many pods as a ReplicaSet asks for. */
export function runReplicaSets(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { replicaSets, pods } = state;
  const recorder = context.recorder("replicaset-controller");
  const podControl = createPodControl(context, recorder);
  const queue = createWorkQueue({ name: "replicaset", log, reconcile });

  async function reconcile(key: string): Promise<number | void> {
    const set = replicaSets.get(key);
    if (!set) return;
    const owned = await claim(client, {
      type: resourceTypes.pods,
      cache: pods,
      owner: set,
      ownerType: resourceTypes.replicaSets,
      selector: set.spec?.selector,
      mayAdopt: isPodActive,
    });
    const failure = set.metadata?.deletionTimestamp ? undefined : await scale(set, owned.filter(isPodActive));
    const active = [...pods.values()].filter((pod) => isControlledBy(pod, set) && isPodActive(pod));
    const { status, nextLook } = replicaSetStatus(set, active, failure, Date.now());
    await writeStatus(client, resourceTypes.replicaSets, replicaSets, set, status);
    if (failure) throw failure.error;
    return nextLook;
  }

  async function scale(set: ReplicaSet, active: readonly Pod[]): Promise<Failure | undefined> {
    const missing = (set.spec?.replicas ?? 1) - active.length;
    const template = set.spec?.template;
    if (missing === 0 || !template) return undefined;
    if (missing < 0) {
      const victims = inDeletionOrder(active, Date.now()).slice(0, Math.min(-missing, burst));
      return settle(
        "FailedDelete",
        victims.map((pod) => podControl.delete(set, pod)),
      );
    }
    // Slowly at first: when one pod is refused, so will be the others.
    let left = Math.min(missing, burst);
    for (let batch = 1; left > 0; batch = Math.min(left, batch * 2)) {
      const pod = podFromTemplate(set, resourceTypes.replicaSets, template);
      const failure = await settle(
        "FailedCreate",
        Array.from({ length: batch }, () => podControl.create(set, pod)),
      );
      if (failure) return failure;
      left -= batch;
    }
    return undefined;
  }

  replicaSets.onChange(({ key }) => queue.add(key));
  enqueueFromPods(context, "ReplicaSet", replicaSets, queue);
  return queue;
}

interface Failure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly error: unknown;
}

async function settle(reason: Failure["reason"], work: readonly Promise<void>[]): Promise<Failure | undefined> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  return failed ? { reason, error: failed.reason } : undefined;
}

/** The status that follows from the set's active pods; `nextLook`: ms until one of them becomes available by waiting. */
function replicaSetStatus(
  set: ReplicaSet,
  active: readonly Pod[],
  failure: Failure | undefined,
  now: number,
): { readonly status: ReplicaSetStatus; readonly nextLook: number | undefined } {
  const labels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const waits = active.map((pod) => availableIn(pod, set.spec?.minReadySeconds ?? 0, now));
  const later = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
  const old = set.status?.conditions;
  const conditions = failure
    ? withCondition(
        old,
        { type: "ReplicaFailure", status: "True", reason: failure.reason, message: messageOf(failure.error) },
        { now },
      )
    : withoutCondition(old, "ReplicaFailure");
  const positive = {
    fullyLabeledReplicas: active.filter((pod) => labels.every(([k, v]) => pod.metadata?.labels?.[k] === v)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: waits.filter((ms) => ms === 0).length,
  };
  const status: ReplicaSetStatus = {
    replicas: active.length,
    ...Object.fromEntries(Object.entries(positive).filter(([, count]) => count > 0)),
    observedGeneration: set.metadata?.generation ?? 0,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
  return { status, nextLook: later.length > 0 ? Math.min(...later) : undefined };
}
