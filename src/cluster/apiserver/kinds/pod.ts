import { isDeepStrictEqual } from "node:util";
import type { Container, ContainerStatus, Pod, PodSpec } from "kubernetes-types/core/v1.d.ts";
import { type FieldError, fieldError } from "../api-error.ts";
import { copyOf } from "../object.ts";
import { age, column, nameColumn, since } from "./columns.ts";
import { type Cell, defineKind, type Kind } from "./kind.ts";
import { defaultPodSpec, validatePodSpec } from "./pod-template.ts";

/** Guaranteed, Burstable or BestEffort by the containers' requests and limits (Kubernetes: pod QoS). */
function qosClass(spec: PodSpec): string {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const sized = (container: Container) => ({
    requests: container.resources?.requests ?? {},
    limits: container.resources?.limits ?? {},
  });
  const any = containers.some((container) => {
    const { requests, limits } = sized(container);
    return [requests, limits].some((map) => "cpu" in map || "memory" in map);
  });
  if (!any) return "BestEffort";
  const guaranteed = containers.every((container) => {
    const { requests, limits } = sized(container);
    return ["cpu", "memory"].every(
      (resource) => resource in limits && (!(resource in requests) || requests[resource] === limits[resource]),
    );
  });
  return guaranteed ? "Guaranteed" : "Burstable";
}

function defaultPod(pod: Pod): void {
  if (!pod.spec) return;
  defaultPodSpec(pod.spec);
  pod.spec.enableServiceLinks ??= true;
  for (const container of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
    const { resources } = container;
    if (!resources?.limits) continue;
    const requests = { ...resources.requests };
    for (const [name, limit] of Object.entries(resources.limits)) requests[name] ??= limit;
    resources.requests = requests;
  }
}

/** What may change in a pod's spec after its creation; the rest must stay. */
function frozenPart(spec: PodSpec | undefined): unknown {
  const rest = copyOf(spec ?? { containers: [] });
  delete rest.activeDeadlineSeconds;
  delete rest.tolerations;
  delete rest.terminationGracePeriodSeconds;
  delete rest.schedulingGates;
  for (const container of [...(rest.containers ?? []), ...(rest.initContainers ?? [])]) delete container.image;
  return rest;
}

function validateUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors = validatePodSpec(pod.spec, "spec");
  // The scheduler binds with `/binding`; a spec that only gains a node is taken as that.
  const before =
    old.spec && !old.spec.nodeName && pod.spec?.nodeName ? { ...old.spec, nodeName: pod.spec.nodeName } : old.spec;
  if (!isDeepStrictEqual(frozenPart(pod.spec), frozenPart(before)))
    errors.push(
      fieldError.forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
      ),
    );
  return errors;
}

const isReady = (status: ContainerStatus): boolean => status.ready;

function statusCells(pod: Pod): { ready: string; reason: string; restarts: string } {
  const spec = pod.spec;
  const status = pod.status ?? {};
  const sidecars = new Set(
    (spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always").map(({ name }) => name),
  );
  const inits = status.initContainerStatuses ?? [];
  const initTotal = spec?.initContainers?.length ?? 0;
  let reason = status.reason ?? status.phase ?? "Unknown";
  if (
    status.conditions?.some((condition) => condition.type === "PodScheduled" && condition.reason === "SchedulingGated")
  )
    reason = "SchedulingGated";
  let restarts = 0;
  let sidecarRestarts = 0;
  let lastRestart = 0;
  let ready = 0;
  let total = spec?.containers?.length ?? 0;
  let initializing = false;
  const note = (container: ContainerStatus) => {
    const ended = Date.parse(container.lastState?.terminated?.finishedAt ?? "");
    if (!Number.isNaN(ended)) lastRestart = Math.max(lastRestart, ended);
  };
  for (const [index, container] of inits.entries()) {
    restarts += container.restartCount;
    note(container);
    const sidecar = sidecars.has(container.name);
    if (sidecar) sidecarRestarts += container.restartCount;
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecar && container.started === true) {
      if (container.ready) ready++;
      continue;
    }
    if (terminated)
      reason = `Init:${terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`)}`;
    else if (waiting?.reason && waiting.reason !== "PodInitializing") reason = `Init:${waiting.reason}`;
    else reason = `Init:${index}/${initTotal}`;
    initializing = true;
    break;
  }
  total += sidecars.size;
  const initialized =
    status.conditions?.some(({ type, status }) => type === "Initialized" && status === "True") === true;
  if (!initializing || initialized) {
    restarts = sidecarRestarts;
    let running = false;
    for (const container of (status.containerStatuses ?? []).toReversed()) {
      restarts += container.restartCount;
      note(container);
      const { terminated, waiting, running: run } = container.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated)
        reason =
          terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);
      else if (isReady(container) && run) {
        running = true;
        ready++;
      }
    }
    if (reason === "Completed" && running)
      reason = status.conditions?.some(({ type, status }) => type === "Ready" && status === "True")
        ? "Running"
        : "NotReady";
  }
  if (pod.metadata?.deletionTimestamp !== undefined && status.reason === "NodeLost") reason = "Unknown";
  else if (pod.metadata?.deletionTimestamp !== undefined && status.phase !== "Failed" && status.phase !== "Succeeded")
    reason = "Terminating";
  const text =
    restarts > 0 && lastRestart > 0
      ? `${restarts} (${since(new Date(lastRestart).toISOString())} ago)`
      : String(restarts);
  return { ready: `${ready}/${total}`, reason, restarts: text };
}

function cells(pod: Pod): Cell[] {
  const { ready, reason, restarts } = statusCells(pod);
  const gates = pod.spec?.readinessGates ?? [];
  const open = gates.filter((gate) =>
    pod.status?.conditions?.some(({ type, status }) => type === gate.conditionType && status === "True"),
  );
  return [
    pod.metadata?.name ?? "",
    ready,
    reason,
    restarts,
    age(pod),
    pod.status?.podIP || "<none>",
    pod.spec?.nodeName || "<none>",
    pod.status?.nominatedNodeName || "<none>",
    gates.length ? `${open.length}/${gates.length}` : "<none>",
  ];
}

const selectable: Record<string, (pod: Pod) => string | undefined> = {
  "spec.nodeName": (pod) => pod.spec?.nodeName,
  "spec.restartPolicy": (pod) => pod.spec?.restartPolicy,
  "spec.schedulerName": (pod) => pod.spec?.schedulerName,
  "spec.serviceAccountName": (pod) => pod.spec?.serviceAccountName,
  "spec.hostNetwork": (pod) => String(pod.spec?.hostNetwork ?? false),
  "status.phase": (pod) => pod.status?.phase,
  "status.podIP": (pod) => pod.status?.podIP,
  "status.podIPs": (pod) => pod.status?.podIPs?.map(({ ip }) => ip).join(","),
  "status.nominatedNodeName": (pod) => pod.status?.nominatedNodeName,
};

const pods: Kind = defineKind<Pod>(
  { group: "", kind: "Pod", plural: "pods" },
  {
    shortNames: ["po"],
    categories: ["all"],
    status: true,
    subresources: [
      { name: "log", kind: "Pod", verbs: ["get"] },
      { name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
      { name: "attach", kind: "PodAttachOptions", verbs: ["create", "get"] },
      { name: "portforward", kind: "PodPortForwardOptions", verbs: ["create", "get"] },
      { name: "proxy", kind: "PodProxyOptions", verbs: ["create", "delete", "get", "patch", "update"] },
      { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
      { name: "binding", kind: "Binding", verbs: ["create"] },
      { name: "ephemeralcontainers", kind: "Pod", verbs: ["get", "patch", "update"] },
    ],
    defaults: defaultPod,
    prepareCreate(pod) {
      pod.status = { phase: "Pending", qosClass: qosClass(pod.spec ?? { containers: [] }) };
    },
    prepareUpdate(pod, old) {
      if (pod.status && old.status?.qosClass) pod.status.qosClass = old.status.qosClass;
    },
    validate: (pod) => validatePodSpec(pod.spec, "spec"),
    validateUpdate,
    grace(pod, asked) {
      // Nobody runs it, so nobody would confirm its end.
      if (!pod.spec?.nodeName || pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded") return 0;
      const seconds = asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
      return seconds < 0 ? 1 : seconds;
    },
    selectable: Object.keys(selectable),
    selectableValue: (pod, field) => selectable[field]?.(pod) ?? "",
    table: {
      columns: [
        nameColumn,
        column("Ready"),
        column("Status"),
        column("Restarts"),
        column("Age"),
        column("IP", "string", 1),
        column("Node", "string", 1),
        column("Nominated Node", "string", 1),
        column("Readiness Gates", "string", 1),
      ],
      cells,
    },
  },
);

export const podKinds: readonly Kind[] = [pods];
