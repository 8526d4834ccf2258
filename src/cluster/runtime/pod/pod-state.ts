import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import type { Backoff } from "./backoff.ts";

/** What the runtime knows of one pod. A value: transitions make a new one. */
export interface PodState {
  readonly sandbox: Sandbox;
  /** In the order of the spec: init containers (sidecars among them), then the others. */
  readonly containers: readonly ContainerState[];
  /** True once every init container is done or, for a sidecar, started. It stays so. */
  readonly isInitialized: boolean;
  /** Set when the runtime gives the pod up for good. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
  /** When the containers began to be stopped for good, and how long they have (ms). */
  readonly stop: { readonly since: number; readonly grace: number } | undefined;
}

type Sandbox =
  | { readonly at: "none"; readonly retryAt: number; readonly tries: number }
  | { readonly at: "preparing"; readonly tries: number }
  | { readonly at: "ready"; readonly ip: string }
  | { readonly at: "removing" }
  | { readonly at: "removed" };

type ContainerRole = "init" | "sidecar" | "main";

export interface ContainerState {
  readonly name: string;
  readonly role: ContainerRole;
  /** How often it has been started; Kubernetes' `restartCount` is one less. */
  readonly runs: number;
  readonly run: ContainerRun;
  /** The run before the present one. */
  readonly last: Ended | undefined;
  readonly backoff: Backoff | undefined;
  /** Passed its startup probe, in this run. */
  readonly isStarted: boolean;
  /** By its readiness probe, in this run. */
  readonly isReady: boolean;
}

export type ContainerRun =
  /** `reason` undefined: it wasn't its turn yet. */
  | { readonly at: "waiting"; readonly reason?: string; readonly message?: string; readonly retryAt: number }
  | { readonly at: "starting" }
  | {
      readonly at: "running";
      readonly id: string;
      readonly startedAt: number;
      /** False while its `postStart` hook runs: the containers after it wait. */
      readonly isPostStartDone: boolean;
      readonly isStopping: boolean;
    }
  | ({ readonly at: "ended" } & Ended);

export interface Ended {
  readonly id: string;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

function roleOf(pod: Pod, container: Container): ContainerRole {
  const isInit = (pod.spec?.initContainers ?? []).some(({ name }) => name === container.name);
  if (!isInit) return "main";
  return container.restartPolicy === "Always" ? "sidecar" : "init";
}

/** All containers of a pod's spec in the order they start. */
export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/**
 * The state in which the runtime meets a pod. What its status tells of earlier runs, before a crash of ours, goes on counting;
 * the pod's network is new, so its init containers run again, and what was at work starts again if its policy allows.
 */
export function initialState(pod: Pod): PodState {
  const isOver = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  return {
    sandbox: isOver ? { at: "removed" } : { at: "none", retryAt: 0, tries: 0 },
    isInitialized: isOver || (pod.spec?.initContainers ?? []).length === 0,
    failure: undefined,
    stop: isOver ? { since: Date.now(), grace: 0 } : undefined,
    containers: containersOf(pod).map((container) => initialContainer(pod, container, isOver)),
  };
}

function initialContainer(pod: Pod, container: Container, isOver: boolean): ContainerState {
  const role = roleOf(pod, container);
  const earlier = earlierRun(pod, container.name);
  const ended = earlier?.ended;
  const policy = pod.spec?.restartPolicy ?? "Always";
  const isLastRun =
    ended !== undefined &&
    (isOver ||
      (role === "main" && (policy === "Never" || (policy === "OnFailure" && ended.exitCode === 0))) ||
      (role === "init" && policy === "Never" && ended.exitCode !== 0));
  return {
    name: container.name,
    role,
    runs: earlier?.runs ?? 0,
    run: isLastRun ? { at: "ended", ...ended } : { at: "waiting", retryAt: 0 },
    last: isLastRun ? undefined : ended,
    backoff: undefined,
    isStarted: false,
    isReady: false,
  };
}

function earlierRun(pod: Pod, name: string): { runs: number; ended: Ended | undefined } | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const status = [...initContainerStatuses, ...containerStatuses].find((candidate) => candidate.name === name);
  if (!status?.containerID) return undefined;
  const { running, terminated } = status.state ?? {};
  const runs = status.restartCount + 1;
  const over = terminated ?? (running ? undefined : status.lastState?.terminated);
  if (over) return { runs, ended: endedOf(over, status.containerID) };
  if (!running) return { runs, ended: undefined };
  return {
    runs,
    ended: {
      id: status.containerID,
      exitCode: 137,
      reason: "ContainerStatusUnknown",
      message: "The container could not be located when the node came back",
      startedAt: Date.parse(running.startedAt ?? "") || 0,
      finishedAt: Date.now(),
    },
  };
}

interface TerminatedStatus {
  readonly containerID?: string;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

function endedOf(status: TerminatedStatus, id: string): Ended {
  return {
    id: status.containerID ?? id,
    exitCode: status.exitCode,
    reason: status.reason ?? "Error",
    ...(status.signal === undefined ? {} : { signal: status.signal }),
    ...(status.message === undefined ? {} : { message: status.message }),
    startedAt: Date.parse(status.startedAt ?? "") || 0,
    finishedAt: Date.parse(status.finishedAt ?? "") || Date.now(),
  };
}

/** The state with one container changed. */
export function withContainer(state: PodState, name: string, change: Partial<ContainerState>): PodState {
  return {
    ...state,
    containers: state.containers.map((container) =>
      container.name === name ? { ...container, ...change } : container,
    ),
  };
}

/** True when every init container is done and every sidecar among them has started. */
export function isInitialized(state: PodState): boolean {
  return state.containers.every(
    ({ role, run, isStarted }) =>
      role === "main" ||
      (role === "init" && run.at === "ended" && run.exitCode === 0) ||
      (role === "sidecar" && run.at === "running" && isStarted && run.isPostStartDone),
  );
}
