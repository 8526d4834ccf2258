import { flagAt, listAt, type Tree, textAt, valueAt } from "../merge.ts";
import type { InstallContext, Manifest } from "./manifest.ts";

interface Target {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>>;
  /** The component's own values: `autoscaleEnabled`, `autoscaleMin` … */
  readonly settings: Tree;
}

/** HorizontalPodAutoscaler and PodDisruptionBudget of a deployment, as far as they are switched on. */
export function autoscaling(context: InstallContext, target: Target): Manifest[] {
  const { name, labels, settings } = target;
  const metadata = { name, namespace: context.namespace, labels };
  const manifests: Manifest[] = [];
  if (flagAt(settings, "autoscaleEnabled")) {
    manifests.push({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata,
      spec: {
        minReplicas: valueAt(settings, "autoscaleMin") ?? 1,
        maxReplicas: valueAt(settings, "autoscaleMax") ?? 5,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
        metrics: [
          {
            type: "Resource",
            resource: {
              name: "cpu",
              target: {
                type: "Utilization",
                averageUtilization: valueAt(settings, "cpu", "targetAverageUtilization") ?? 80,
              },
            },
          },
        ],
      },
    });
  }
  if (flagAt(context.values, "global", "defaultPodDisruptionBudget", "enabled")) {
    manifests.push({
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata,
      spec: {
        minAvailable: valueAt(context.values, "pdb", "minAvailable") ?? 1,
        selector: { matchLabels: target.selector },
      },
    });
  }
  return manifests;
}

/** Deployment strategy and placement from a component's values. */
export function rollout(settings: Tree): object {
  return {
    rollingUpdate: {
      maxSurge: textAt(settings, "rollingMaxSurge") || "100%",
      maxUnavailable: textAt(settings, "rollingMaxUnavailable") || "25%",
    },
  };
}

export function placement(settings: Tree): object {
  const selector = valueAt(settings, "nodeSelector");
  const tolerations = listAt(settings, "tolerations");
  return {
    ...(selector && Object.keys(selector).length > 0 ? { nodeSelector: selector } : {}),
    ...(tolerations.length > 0 ? { tolerations } : {}),
  };
}
