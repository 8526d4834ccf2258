import type { Node, Pod } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { resourcePath } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { withCondition } from "./conditions.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { whyNot } from "./node-fit.ts";
import { createWorkQueue } from "./work-queue.ts";

const ownName = "default-scheduler";

/** Binds pods to the only node, or says in the condition PodScheduled why it can't be. */
export function runScheduler(context: ControllerContext): RunningController {
  const { client, state, log, nodeName } = context;
  const { pods, nodes } = state;
  const recorder = context.recorder(ownName);
  const queue = createWorkQueue({ name: "scheduler", log, reconcile });

  async function reconcile(key: string): Promise<void> {
    const pod = pods.get(key);
    if (!pod || !isWaiting(pod)) return;
    const node = nodes.get(nodeName);
    const reason = whyNot(pod, node);
    if (reason === undefined) await bind(key, pod);
    else await refuse(pod, reason);
  }

  async function bind(key: string, pod: Pod): Promise<void> {
    const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
    try {
      await client.request({
        method: "POST",
        path: resourcePath(resourceTypes.pods, namespace, name, "binding"),
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          apiVersion: "v1",
          kind: "Binding",
          metadata: { name, namespace, uid },
          target: { apiVersion: "v1", kind: "Node", name: nodeName },
        }),
      });
    } catch (error) {
      if (isKubeError(error, "NotFound") || isKubeError(error, "Conflict")) return;
      throw error;
    }
    recorder.event(pod, "Normal", "Scheduled", `Successfully assigned ${key} to ${nodeName}`);
    await pods.until(key, (seen) => seen?.metadata?.uid !== uid || seen.spec?.nodeName !== undefined);
  }

  async function refuse(pod: Pod, message: string): Promise<void> {
    const gated = (pod.spec?.schedulingGates ?? []).length > 0;
    const reason = gated ? "SchedulingGated" : "Unschedulable";
    const conditions = withCondition(
      pod.status?.conditions,
      { type: "PodScheduled", status: "False", reason, message },
      { now: Date.now(), compareMessage: true },
    );
    const old = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
    if (old?.reason === reason && old.message === message) return;
    if (!gated) recorder.event(pod, "Warning", "FailedScheduling", message);
    await client.update<Pod>(resourceTypes.pods, { ...pod, status: { ...pod.status, conditions } }, "status");
  }

  pods.onChange(({ key, after }) => {
    if (after && isWaiting(after)) queue.add(key);
  });
  nodes.onChange(({ key, before, after }) => {
    if (key !== nodeName || (before && after && sameForScheduling(before, after))) return;
    for (const pod of pods.values()) if (isWaiting(pod)) queue.add(`${pod.metadata?.namespace}/${pod.metadata?.name}`);
  });
  return queue;
}

function isWaiting({ metadata, spec }: Pod): boolean {
  const mine = (spec?.schedulerName ?? ownName) === ownName;
  return mine && !spec?.nodeName && metadata?.deletionTimestamp === undefined;
}

function sameForScheduling(a: Node, b: Node): boolean {
  const facts = ({ metadata, spec }: Node): string =>
    JSON.stringify([metadata?.labels, spec?.taints, spec?.unschedulable]);
  return facts(a) === facts(b);
}
