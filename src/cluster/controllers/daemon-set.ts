import type { DaemonSet, DaemonSetStatus } from "kubernetes-types/apps/v1.d.ts";
import type { Node, Pod, PodTemplateSpec, Toleration } from "kubernetes-types/core/v1.d.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { claim } from "./claim.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createRevisions } from "./controller-revisions.ts";
import { whyNot } from "./node-fit.ts";
import { enqueueFromPods } from "./owner-queue.ts";
import { isControlledBy } from "./owners.ts";
import { createPodControl } from "./pod-control.ts";
import { availableIn, isPodActive, isPodFinished, isPodReady } from "./pod-state.ts";
import { podFromTemplate } from "./pod-template.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

const hashLabel = "controller-revision-hash";

/** Pods of a DaemonSet stay where others have to leave (kubernetes: "Taints and tolerations" of DaemonSets). */
const daemonTolerations: readonly Toleration[] = [
  ...["not-ready", "unreachable"].map((key) => toleration(key, "NoExecute")),
  ...["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map((key) => toleration(key, "NoSchedule")),
];

/** Keeps one pod of each DaemonSet on the node, if it fits there. */
export function runDaemonSets(context: ControllerContext): RunningController {
  const { client, state, log, nodeName } = context;
  const { daemonSets, pods, nodes } = state;
  const recorder = context.recorder("daemonset-controller");
  const podControl = createPodControl(context, recorder);
  const revisions = createRevisions(client, state, resourceTypes.daemonSets);
  const queue = createWorkQueue({ name: "daemonset", log, reconcile });

  async function reconcile(key: string): Promise<number | void> {
    const set = daemonSets.get(key);
    if (!set?.spec) return;
    await claim(client, {
      type: resourceTypes.pods,
      cache: pods,
      owner: set,
      ownerType: resourceTypes.daemonSets,
      selector: set.spec.selector,
      mayAdopt: isPodActive,
    });
    const node = nodes.get(nodeName);
    const template = daemonTemplate(set.spec.template, nodeName);
    const wanted = node !== undefined && fits(template, node);
    if (set.metadata?.deletionTimestamp) return finish(set, wanted, undefined);
    await revisions.synced;
    const { update } = await revisions.ensure(set);
    const hash = update.metadata?.labels?.[hashLabel] ?? "";
    await step(set, withHash(template, hash), hash, wanted);
    await revisions.trim(set, new Set([update.metadata?.name ?? ""]));
    return finish(set, wanted, hash);
  }

  const ownPods = (set: DaemonSet): Pod[] => [...pods.values()].filter((pod) => isControlledBy(pod, set));

  async function step(set: DaemonSet, template: PodTemplateSpec, hash: string, wanted: boolean): Promise<void> {
    const own = ownPods(set);
    const failed = own.filter((pod) => isPodFinished(pod) && !pod.metadata?.deletionTimestamp);
    for (const pod of failed) {
      const message = `Found failed daemon pod ${objectKey(pod)} on node ${nodeName}, will try to kill it`;
      recorder.event(set, "Warning", "FailedDaemonPod", message);
      await podControl.delete(set, pod);
    }
    const active = own.filter(isPodActive).toSorted((a, b) => created(a) - created(b));
    if (!wanted) {
      await Promise.all(active.map((pod) => podControl.delete(set, pod)));
      return;
    }
    const current = active.filter((pod) => pod.metadata?.labels?.[hashLabel] === hash);
    const old = active.filter((pod) => !current.includes(pod));
    const rolling = set.spec?.updateStrategy?.type !== "OnDelete";
    const { maxSurge = 0 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
    const surges = rolling && maxSurge !== 0 && maxSurge !== "0%";
    const now = Date.now();
    const serves = current.some((pod) => availableIn(pod, set.spec?.minReadySeconds ?? 0, now) === 0);
    if (rolling && (!surges || serves)) await Promise.all(old.map((pod) => podControl.delete(set, pod)));
    // More than one of the new ones: the oldest stays.
    await Promise.all(current.slice(1).map((pod) => podControl.delete(set, pod)));
    const nothingThere = ownPods(set).every(isPodFinished);
    if (nothingThere || (surges && current.length === 0))
      await podControl.create(set, podFromTemplate(set, resourceTypes.daemonSets, template));
  }

  async function finish(set: DaemonSet, wanted: boolean, hash: string | undefined): Promise<number | void> {
    const active = ownPods(set).filter(isPodActive);
    const now = Date.now();
    const waits = active.map((pod) => availableIn(pod, set.spec?.minReadySeconds ?? 0, now));
    const has = (holds: (pod: Pod) => boolean): number => (active.some(holds) ? 1 : 0);
    const desired = wanted ? 1 : 0;
    const available = waits.includes(0) ? desired : 0;
    const updated = wanted ? has((pod) => pod.metadata?.labels?.[hashLabel] === hash) : 0;
    const status: DaemonSetStatus = {
      currentNumberScheduled: wanted ? has(() => true) : 0,
      desiredNumberScheduled: desired,
      numberMisscheduled: wanted ? 0 : has(() => true),
      numberReady: wanted ? has(isPodReady) : 0,
      observedGeneration: set.metadata?.generation ?? 0,
      ...(updated > 0 ? { updatedNumberScheduled: updated } : {}),
      ...(available > 0 ? { numberAvailable: available } : {}),
      ...(desired > available ? { numberUnavailable: desired - available } : {}),
    };
    await writeStatus(client, resourceTypes.daemonSets, daemonSets, set, status);
    const later = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
    if (later.length > 0) return Math.min(...later);
  }

  daemonSets.onChange(({ key }) => queue.add(key));
  enqueueFromPods(context, "DaemonSet", daemonSets, queue);
  nodes.onChange(({ key, before, after }) => {
    const facts = (node: Node | undefined): string =>
      JSON.stringify([node?.metadata?.labels, node?.spec?.taints, node?.spec?.unschedulable]);
    if (key === nodeName && facts(before) !== facts(after))
      for (const set of daemonSets.values()) queue.add(objectKey(set));
  });
  return queue;
}

function toleration(key: string, effect: string): Toleration {
  return { key: `node.kubernetes.io/${key}`, operator: "Exists", effect };
}

function created({ metadata }: Pod): number {
  return Date.parse(metadata?.creationTimestamp ?? "") || 0;
}

function fits(template: PodTemplateSpec, node: Node): boolean {
  return whyNot(template.spec ? { spec: template.spec } : {}, node) === undefined;
}

/** The template as its pods have it: tied to the node, and tolerant. */
function daemonTemplate(template: PodTemplateSpec, nodeName: string): PodTemplateSpec {
  if (!template.spec) return template;
  const { affinity, tolerations = [] } = template.spec;
  const own = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
  const here = { key: "metadata.name", operator: "In", values: [nodeName] };
  const nodeSelectorTerms = own.map((term) => ({ ...term, matchFields: [here] }));
  const nodeAffinity = {
    ...affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
  };
  return {
    ...template,
    spec: {
      ...template.spec,
      affinity: { ...affinity, nodeAffinity },
      tolerations: [...tolerations, ...daemonTolerations],
    },
  };
}

function withHash(template: PodTemplateSpec, hash: string): PodTemplateSpec {
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return { ...template, metadata: { ...template.metadata, labels } };
}
