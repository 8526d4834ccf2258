import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import type { OciResources } from "./oci-spec.ts";
import { parseQuantity } from "./quantity.ts";

/** Length of the scheduler's period that CPU limits are counted in (µs). */
const cpuPeriod = 100_000;
/** The least that the kernel takes for `cpu.shares` and `cpu.cfs_quota_us`. */
const minShares = 2;
const minQuota = 1_000;
/** Processes in one container: a fork bomb mustn't take the machine down. */
const maxProcesses = 8_192;

/** Device rules are crun's own defaults unless everything is allowed. */
export function resourcesOf(container: Container): OciResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const memory = parseQuantity(limits["memory"]);
  const cpuLimit = parseQuantity(limits["cpu"]);
  const cpuRequest = parseQuantity(requests["cpu"]) ?? cpuLimit ?? 0;
  return {
    devices: [{ allow: container.securityContext?.privileged === true, access: "rwm" }],
    ...(memory ? { memory: { limit: Math.floor(memory) } } : {}),
    cpu: {
      shares: Math.max(minShares, Math.floor(cpuRequest * 1024)),
      ...(cpuLimit ? { quota: Math.max(minQuota, Math.floor(cpuLimit * cpuPeriod)), period: cpuPeriod } : {}),
    },
    pids: { limit: maxProcesses },
  };
}

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** Kubernetes: "Pod Quality of Service Classes". */
export function qosClassOf(pod: Pod): QosClass {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const names = ["cpu", "memory"] as const;
  let isGuaranteed = true;
  let isBestEffort = true;
  for (const { resources } of containers)
    for (const name of names) {
      const limit = parseQuantity(resources?.limits?.[name]) ?? 0;
      const request = parseQuantity(resources?.requests?.[name]) ?? limit;
      if (limit > 0 || request > 0) isBestEffort = false;
      if (limit === 0 || request !== limit) isGuaranteed = false;
    }
  if (isBestEffort) return "BestEffort";
  return isGuaranteed ? "Guaranteed" : "Burstable";
}

/** Who dies first when memory runs out (kubelet: `qos.GetContainerOOMScoreAdjust`). */
export function oomScoreAdjust(pod: Pod, container: Container, memoryCapacity: number): number {
  const qos = qosClassOf(pod);
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  const request = parseQuantity(container.resources?.requests?.["memory"]) ?? 0;
  const score = Math.floor(1000 - (1000 * request) / memoryCapacity);
  return Math.min(999, Math.max(3, score));
}
