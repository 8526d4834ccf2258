import type { Scale } from "kubernetes-types/autoscaling/v1.d.ts";
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
} from "kubernetes-types/autoscaling/v2.d.ts";
import { isKubeError } from "#kube/error.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { AllObjects, FollowedType } from "./all-objects.ts";
import { timestamp, withCondition } from "./conditions.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { createWorkQueue } from "./work-queue.ts";
import { writeStatus } from "./write-status.ts";

/**
 * Keeps scale targets between `minReplicas` and `maxReplicas`. There are no resource metrics on this cluster: targets show as
 * `<unknown>`, and the condition ScalingActive says why.
 */
export function runHorizontalPodAutoscalers(context: ControllerContext, all: AllObjects): RunningController {
  const { client, state, log } = context;
  const { horizontalPodAutoscalers } = state;
  const recorder = context.recorder("horizontal-pod-autoscaler");
  const queue = createWorkQueue({ name: "hpa", log, reconcile });

  async function reconcile(key: string): Promise<void> {
    const hpa = horizontalPodAutoscalers.get(key);
    if (!hpa?.spec || hpa.metadata?.deletionTimestamp) return;
    const target = targetOf(hpa);
    const scale = target && (await readScale(target, hpa));
    const now = Date.now();
    if (!target || !scale) {
      const { kind, name } = hpa.spec.scaleTargetRef;
      const conditions = withCondition(hpa.status?.conditions, cannotGetScale(kind, name), {
        now,
        compareMessage: true,
      });
      const counts = {
        currentReplicas: hpa.status?.currentReplicas ?? 0,
        desiredReplicas: hpa.status?.desiredReplicas ?? 0,
      };
      return write(hpa, { ...hpa.status, ...counts, observedGeneration: hpa.metadata?.generation ?? 0, conditions });
    }
    const current = scale.spec?.replicas ?? 0;
    const desired = boundedReplicas(hpa, current);
    let lastScaleTime = hpa.status?.lastScaleTime;
    if (desired !== current) {
      await writeScale(target, hpa, scale, desired);
      lastScaleTime = timestamp(now);
      const reason =
        current < desired
          ? "Current number of replicas below Spec.MinReplicas"
          : "Current number of replicas above Spec.MaxReplicas";
      recorder.event(hpa, "Normal", "SuccessfulRescale", `New size: ${desired}; reason: ${reason}`);
    }
    await write(hpa, {
      observedGeneration: hpa.metadata?.generation ?? 0,
      ...(lastScaleTime ? { lastScaleTime } : {}),
      currentReplicas: scale.status?.replicas ?? current,
      desiredReplicas: desired,
      conditions: hpaConditions(hpa, current, now),
    });
  }

  function targetOf(hpa: HorizontalPodAutoscaler): FollowedType | undefined {
    const { apiVersion = "", kind } = hpa.spec?.scaleTargetRef ?? { kind: "" };
    return all.find(apiVersion, kind);
  }

  async function readScale({ type }: FollowedType, hpa: HorizontalPodAutoscaler): Promise<Scale | undefined> {
    try {
      return await client.find<Scale>(type, { ...refOf(hpa), subresource: "scale" });
    } catch (error) {
      if (isKubeError(error, "MethodNotAllowed")) return undefined;
      throw error;
    }
  }

  async function writeScale(
    { type }: FollowedType,
    hpa: HorizontalPodAutoscaler,
    scale: Scale,
    replicas: number,
  ): Promise<void> {
    const next = { ...scale, spec: { ...scale.spec, replicas } };
    await client.update<Scale>(type, { ...next, metadata: { ...scale.metadata, ...refOf(hpa) } }, "scale");
  }

  function write(hpa: HorizontalPodAutoscaler, status: HorizontalPodAutoscalerStatus): Promise<void> {
    return writeStatus(client, resourceTypes.horizontalPodAutoscalers, horizontalPodAutoscalers, hpa, status);
  }

  horizontalPodAutoscalers.onChange(({ key }) => queue.add(key));
  all.onChange(({ type }, { before, after }) => {
    const { namespace, name } = (after ?? before)?.metadata ?? {};
    for (const hpa of horizontalPodAutoscalers.values()) {
      const target = hpa.spec?.scaleTargetRef;
      if (hpa.metadata?.namespace === namespace && target?.name === name && target?.kind === type.kind)
        queue.add(objectKey(hpa));
    }
  });
  return queue;
}

function refOf(hpa: HorizontalPodAutoscaler): { namespace: string; name: string } {
  return { namespace: hpa.metadata?.namespace ?? "", name: hpa.spec?.scaleTargetRef.name ?? "" };
}

/** A target that is scaled to zero is switched off and stays so. */
function boundedReplicas({ spec }: HorizontalPodAutoscaler, current: number): number {
  if (current === 0) return 0;
  const min = spec?.minReplicas ?? 1;
  return Math.max(min, Math.min(spec?.maxReplicas ?? current, current));
}

function cannotGetScale(kind: string, name: string): HorizontalPodAutoscalerCondition {
  return {
    type: "AbleToScale",
    status: "False",
    reason: "FailedGetScale",
    message: `the HPA controller was unable to get the target's current scale: ${kind} "${name}" not found`,
  };
}

function hpaConditions(hpa: HorizontalPodAutoscaler, current: number, now: number): HorizontalPodAutoscalerCondition[] {
  const able: HorizontalPodAutoscalerCondition = {
    type: "AbleToScale",
    status: "True",
    reason: "SucceededGetScale",
    message: "the HPA controller was able to get the target's current scale",
  };
  const active: HorizontalPodAutoscalerCondition =
    current === 0
      ? {
          type: "ScalingActive",
          status: "False",
          reason: "ScalingDisabled",
          message: "scaling is disabled since the replica count of the target is zero",
        }
      : {
          type: "ScalingActive",
          status: "False",
          reason: "FailedGetResourceMetric",
          message:
            "the HPA was unable to compute the replica count: this cluster has no metrics API (metrics.k8s.io); replicas are kept between minReplicas and maxReplicas",
        };
  const options = { now, compareMessage: true };
  return withCondition(withCondition(hpa.status?.conditions, able, options), active, options);
}
