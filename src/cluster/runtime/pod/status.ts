import type {
  ContainerState as ApiContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from "kubernetes-types/core/v1.d.ts";
import { qosClassOf } from "../resources.ts";
import { type ContainerState, containersOf, type Ended, type PodState } from "./pod-state.ts";

export interface StatusFacts {
  readonly hostIp: string;
  /** What the runtime wrote last: the API's copy may lag behind. */
  readonly previous: PodStatus | undefined;
  /** ms since the epoch. */
  readonly now: number;
}

/** What the runtime writes into the pod's `status`: what `kubectl get pods` and the controllers go by (PURE). */
export function statusOf(pod: Pod, state: PodState, facts: StatusFacts): PodStatus {
  const statusFor = (container: ContainerState): ContainerStatus => containerStatus(pod, state, container);
  const init = state.containers.filter(({ role }) => role !== "main");
  const main = state.containers.filter(({ role }) => role === "main");
  const previous = facts.previous ?? pod.status;
  const phase = phaseOf(previous?.phase, state);
  const ip = state.sandbox.at === "ready" ? state.sandbox.ip : (previous?.podIP ?? "");
  return {
    phase,
    ...(state.failure ? { reason: state.failure.reason, message: state.failure.message } : {}),
    conditions: conditionsOf(pod, state, phase, facts),
    hostIP: facts.hostIp,
    hostIPs: [{ ip: facts.hostIp }],
    ...(ip === "" ? {} : { podIP: ip, podIPs: [{ ip }] }),
    startTime: previous?.startTime ?? apiTime(facts.now),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod),
    ...(init.length > 0 ? { initContainerStatuses: init.map(statusFor) } : {}),
    containerStatuses: main.map(statusFor),
  };
}

/** The pod's phase (kubelet: `getPhase`); one that is final stays. */
function phaseOf(before: string | undefined, state: PodState): string {
  if (before === "Succeeded" || before === "Failed") return before;
  const runs = state.containers.map(({ run }) => run);
  const isOver = state.stop !== undefined && runs.every(({ at }) => at === "ended" || at === "waiting");
  if (state.failure && isOver) return "Failed";
  const main = state.containers.filter(({ role }) => role === "main");
  const ended = main.filter(({ run }) => run.at === "ended");
  if (isOver) {
    const isGood = ended.length === main.length && ended.every(({ run }) => run.at === "ended" && run.exitCode === 0);
    return isGood ? "Succeeded" : "Failed";
  }
  if (!state.isInitialized) return "Pending";
  const isFirstWait = main.some(({ run, last }) => (run.at === "waiting" || run.at === "starting") && !last);
  return isFirstWait ? "Pending" : "Running";
}

function isContainerReady(container: ContainerState): boolean {
  const { run } = container;
  if (container.role === "init") return run.at === "ended" && run.exitCode === 0;
  return run.at === "running" && container.isStarted && container.isReady;
}

function conditionsOf(pod: Pod, state: PodState, phase: string, { previous, now }: StatusFacts): PodCondition[] {
  const old = pod.status?.conditions ?? [];
  const own = previous?.conditions ?? old;
  const names = (list: readonly ContainerState[]): string => `[${list.map(({ name }) => name).join(" ")}]`;
  const make = (type: string, isTrue: boolean, reason?: string, message?: string): PodCondition => {
    const before = own.find((condition) => condition.type === type);
    const status = isTrue ? "True" : "False";
    return {
      type,
      status,
      lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? apiTime(now)) : apiTime(now),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    };
  };

  const uninitialized = state.containers.filter(
    (container) => container.role === "init" && !isContainerReady(container),
  );
  const unready = state.containers.filter((container) => container.role !== "init" && !isContainerReady(container));
  const isDone = phase === "Succeeded";
  const closed = isDone ? (["PodCompleted"] as const) : phase === "Failed" ? (["PodFailed"] as const) : undefined;
  const containersReady = unready.length === 0 && closed === undefined;
  const notReady = closed ?? (["ContainersNotReady", `containers with unready status: ${names(unready)}`] as const);
  const gates = (pod.spec?.readinessGates ?? []).filter(
    ({ conditionType }) => old.find(({ type }) => type === conditionType)?.status !== "True",
  );
  const ready = containersReady && gates.length === 0;

  const ours = [
    make("PodReadyToStartContainers", state.sandbox.at === "ready"),
    state.isInitialized
      ? make("Initialized", true, isDone ? "PodCompleted" : undefined)
      : make(
          "Initialized",
          false,
          "ContainersNotInitialized",
          `containers with incomplete status: ${names(uninitialized)}`,
        ),
    ready
      ? make("Ready", true)
      : containersReady
        ? make("Ready", false, "ReadinessGatesNotReady", "corresponding condition of pod readiness gate isn't true")
        : make("Ready", false, ...notReady),
    containersReady ? make("ContainersReady", true) : make("ContainersReady", false, ...notReady),
  ];
  const types = new Set(ours.map(({ type }) => type));
  // The scheduler's and others' stay as they are.
  return [...ours, ...old.filter(({ type }) => !types.has(type))];
}

function containerStatus(pod: Pod, state: PodState, container: ContainerState): ContainerStatus {
  const { run } = container;
  const image = containersOf(pod).find(({ name }) => name === container.name)?.image ?? "";
  const id = run.at === "running" || run.at === "ended" ? run.id : container.last?.id;
  return {
    name: container.name,
    image,
    imageID: id === undefined ? "" : image,
    ...(id === undefined ? {} : { containerID: id }),
    restartCount: Math.max(0, container.runs - 1),
    ready: isContainerReady(container),
    started: run.at === "running" && (container.role === "init" || container.isStarted),
    state: apiState(state, container),
    lastState: container.last ? { terminated: terminated(container.last) } : {},
  };
}

function apiState(state: PodState, { run, role }: ContainerState): ApiContainerState {
  if (run.at === "running") return { running: { startedAt: apiTime(run.startedAt) } };
  if (run.at === "ended") return { terminated: terminated(run) };
  if (run.at === "waiting" && run.reason !== undefined)
    return { waiting: { reason: run.reason, ...(run.message === undefined ? {} : { message: run.message }) } };
  const waitsForInit = !state.isInitialized && state.containers.some((container) => container.role !== "main");
  const isItsTurn = run.at === "starting" && role !== "main";
  return { waiting: { reason: waitsForInit && !isItsTurn ? "PodInitializing" : "ContainerCreating" } };
}

function terminated(ended: Ended): NonNullable<ApiContainerState["terminated"]> {
  return {
    exitCode: ended.exitCode,
    reason: ended.reason,
    ...(ended.signal === undefined ? {} : { signal: ended.signal }),
    ...(ended.message === undefined ? {} : { message: ended.message }),
    startedAt: apiTime(ended.startedAt),
    finishedAt: apiTime(ended.finishedAt),
    containerID: ended.id,
  };
}

/** RFC 3339 in whole seconds, as the API has it. */
function apiTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
