import type { ControllerRevision, StatefulSet, StatefulSetStatus } from "kubernetes-types/apps/v1.d.ts";
import type { PersistentVolumeClaim, Pod, Volume } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import type { ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { claim } from "./claim.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createRevisions, templateOf } from "./controller-revisions.ts";
import { enqueueFromPods } from "./owner-queue.ts";
import { isControlledBy } from "./owners.ts";
import { createPodControl } from "./pod-control.ts";
import { availableIn, isPodActive, isPodReady } from "./pod-state.ts";
import { podFromTemplate } from "./pod-template.ts";
import { statefulStep } from "./stateful-step.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

const revisionLabel = "controller-revision-hash";
const claimType: ResourceType = {
  group: "",
  version: "v1",
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
  namespaced: true,
};

/** Keeps the numbered pods of StatefulSets, in order. */
export function runStatefulSets(context: ControllerContext): RunningController {
  const { client, state, log } = context;
  const { statefulSets, pods } = state;
  const recorder = context.recorder("statefulset-controller");
  const podControl = createPodControl(context, recorder);
  const revisions = createRevisions(client, state, resourceTypes.statefulSets);
  const queue = createWorkQueue({ name: "statefulset", log, reconcile });

  async function reconcile(key: string): Promise<number | void> {
    const set = statefulSets.get(key);
    if (!set?.spec || set.metadata?.deletionTimestamp) return;
    await claim(client, {
      type: resourceTypes.pods,
      cache: pods,
      owner: set,
      ownerType: resourceTypes.statefulSets,
      selector: set.spec.selector,
      mayAdopt: (pod) => ordinalOf(set, pod) !== undefined,
    });
    await revisions.synced;
    const { update, all } = await revisions.ensure(set);
    const current = all.find(({ metadata }) => metadata?.name === set.status?.currentRevision) ?? update;
    await act(set, current, update);
    const status = statusOf(set, ownPods(set), nameOf(current), nameOf(update));
    await writeStatus(client, resourceTypes.statefulSets, statefulSets, set, status);
    await revisions.trim(set, new Set([nameOf(current), nameOf(update)]));
    const waits = [...ownPods(set).values()].map((pod) => availableIn(pod, set.spec?.minReadySeconds ?? 0, Date.now()));
    const later = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
    if (later.length > 0) return Math.min(...later);
  }

  function ownPods(set: StatefulSet): Map<number, Pod> {
    const own = new Map<number, Pod>();
    for (const pod of pods.values()) {
      const ordinal = isControlledBy(pod, set) ? ordinalOf(set, pod) : undefined;
      if (ordinal !== undefined) own.set(ordinal, pod);
    }
    return own;
  }

  async function act(set: StatefulSet, current: ControllerRevision, update: ControllerRevision): Promise<void> {
    if (!set.spec) return;
    const isUpdated = (pod: Pod): boolean => pod.metadata?.labels?.[revisionLabel] === nameOf(update);
    const { create, remove } = statefulStep(set.spec, ownPods(set), isUpdated, Date.now());
    const first = set.spec.ordinals?.start ?? 0;
    const partition = first + (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0);
    await Promise.all([
      ...remove.map((pod) => podControl.delete(set, pod)),
      ...create.map(async (ordinal) => {
        const revision = ordinal < partition ? current : update;
        const pod = numberedPod(set, revision, ordinal);
        await ensureClaims(set, pod.metadata?.name ?? "");
        await podControl.create(set, pod).catch((error: unknown) => {
          // Its predecessor of the same name may not be quite gone.
          if (!isKubeError(error, "AlreadyExists")) throw error;
        });
      }),
    ]);
  }

  async function ensureClaims(set: StatefulSet, podName: string): Promise<void> {
    for (const template of set.spec?.volumeClaimTemplates ?? []) {
      const metadata = {
        name: claimName(template, podName),
        namespace: set.metadata?.namespace ?? "default",
        labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
      };
      const object: PersistentVolumeClaim = { metadata, ...(template.spec ? { spec: template.spec } : {}) };
      await client.create(claimType, object).catch((error: unknown) => {
        if (!isKubeError(error, "AlreadyExists")) throw error;
      });
    }
  }

  statefulSets.onChange(({ key }) => queue.add(key));
  enqueueFromPods(context, "StatefulSet", statefulSets, queue);
  return queue;
}

function nameOf(revision: ControllerRevision): string {
  return revision.metadata?.name ?? "";
}

/** The number at the end of the pod's name, when the rest is the set's. */
function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const [, parent, number] = /^(.*)-(0|[1-9]\d*)$/.exec(pod.metadata?.name ?? "") ?? [];
  return parent === set.metadata?.name && number !== undefined ? Number(number) : undefined;
}

function claimName(template: PersistentVolumeClaim, podName: string): string {
  return `${template.metadata?.name}-${podName}`;
}

function numberedPod(set: StatefulSet, revision: ControllerRevision, ordinal: number): Pod {
  const name = `${set.metadata?.name}-${ordinal}`;
  const pod = podFromTemplate(set, resourceTypes.statefulSets, templateOf(revision), name);
  const claims: Volume[] = (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata?.name ?? "",
    persistentVolumeClaim: { claimName: claimName(template, name) },
  }));
  const others = (pod.spec?.volumes ?? []).filter((volume) => !claims.some((claim) => claim.name === volume.name));
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata?.labels,
        [revisionLabel]: nameOf(revision),
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": String(ordinal),
      },
    },
    ...(pod.spec
      ? {
          spec: {
            ...pod.spec,
            hostname: name,
            ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
            ...(others.length + claims.length > 0 ? { volumes: [...others, ...claims] } : {}),
          },
        }
      : {}),
  };
}

/** When every pod is of the new revision and ready, that revision becomes the current one. */
function statusOf(set: StatefulSet, own: ReadonlyMap<number, Pod>, current: string, update: string): StatefulSetStatus {
  const active = [...own.values()].filter(isPodActive);
  const of = (revision: string): number =>
    active.filter((pod) => pod.metadata?.labels?.[revisionLabel] === revision).length;
  const now = Date.now();
  const ready = active.filter(isPodReady).length;
  const desired = set.spec?.replicas ?? 1;
  const done = of(update) === desired && ready === desired && own.size === desired;
  const currentRevision = done ? update : current;
  const counts = {
    readyReplicas: ready,
    currentReplicas: of(currentRevision),
    updatedReplicas: of(update),
  };
  return {
    observedGeneration: set.metadata?.generation ?? 0,
    replicas: active.length,
    availableReplicas: active.filter((pod) => availableIn(pod, set.spec?.minReadySeconds ?? 0, now) === 0).length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    currentRevision,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
  };
}
