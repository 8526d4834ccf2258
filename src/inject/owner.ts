import type { InjectablePod } from "./pod.ts";

/** The workload that a pod belongs to. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/**
 * The workload behind a pod, from its controlling owner: a ReplicaSet with the pod's template hash stands for its
 * Deployment, a Job with a time stamp for its CronJob. Istio: pkg/kube GetWorkloadMetaFromPod.
 */
export function workloadOf(pod: InjectablePod, namespace: string): Workload {
  const meta = pod.metadata ?? {};
  const self = { apiVersion: "v1", kind: "Pod", name: meta.name ?? "", namespace };
  const owner = meta.ownerReferences?.find((item) => item.controller === true);
  if (!meta.generateName || !owner) return self;
  const { apiVersion, kind, name } = owner;
  const labels = meta.labels ?? {};
  const hash = labels["pod-template-hash"];
  if (kind === "ReplicaSet" && hash && name.endsWith(`-${hash}`))
    return { apiVersion, kind: "Deployment", name: name.slice(0, -hash.length - 1), namespace };
  const config = labels["deploymentconfig"];
  if (kind === "ReplicationController" && config)
    return { apiVersion, kind: "DeploymentConfig", name: config, namespace };
  const cron = kind === "Job" ? /^(.+)-\d{8,10}$/.exec(name)?.[1] : undefined;
  if (cron) return { apiVersion: "batch/v1", kind: "CronJob", name: cron, namespace };
  return { apiVersion, kind, name, namespace };
}
