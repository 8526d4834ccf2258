import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { retryAt } from "./backoff.ts";
import { type ContainerState, containersOf, type PodState } from "./pod-state.ts";

/** What is to be done next for a pod. Effects report back by changing the state, after which the decision is made anew. */
export type Action =
  | { readonly do: "prepare" }
  | { readonly do: "start"; readonly container: string }
  | { readonly do: "back-off"; readonly container: string; readonly until: number }
  | { readonly do: "stop"; readonly container: string; readonly grace: number }
  | { readonly do: "give-up"; readonly reason: string; readonly message: string }
  | { readonly do: "stop-all"; readonly grace: number }
  | { readonly do: "remove-sandbox" }
  | { readonly do: "delete-object" }
  | { readonly do: "wake"; readonly at: number };

/** Default of `terminationGracePeriodSeconds` (s). */
const defaultGrace = 30;
/** The least time (ms) a container has to end after SIGTERM (kubelet: `minimumGracePeriodInSeconds`). */
const leastGrace = 2_000;

/**
 * How long (ms) a pod that is deleted while it serves goes on at most, so that its clients hear of it before its programs do.
 * Kubernetes leaves open which comes first.
 */
const headStart = 500;

/** The heart of the runtime (PURE): from what the API wants, what is there, and the time, to the next steps. */
export function decide(pod: Pod, state: PodState, now: number): readonly Action[] {
  if (state.stop !== undefined) return stopSteps(pod, state, state.stop, now);
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  if (deletionTimestamp !== undefined) {
    const grace = deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? defaultGrace;
    return [{ do: "stop-all", grace: grace * 1000 }];
  }
  if (state.failure !== undefined || isFinished(pod, state)) return [{ do: "stop-all", grace: ownGrace(pod) }];
  const deadline = deadlineOf(pod);
  if (deadline !== undefined && now >= deadline)
    return [
      {
        do: "give-up",
        reason: "DeadlineExceeded",
        message: "Pod was active on the node longer than the specified deadline",
      },
    ];
  const steps = startSteps(pod, state, now);
  return deadline === undefined ? steps : [...steps, { do: "wake", at: deadline }];
}

/** The pod's own grace period, ms. */
export function ownGrace(pod: Pod): number {
  return (pod.spec?.terminationGracePeriodSeconds ?? defaultGrace) * 1000;
}

function deadlineOf(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const start = Date.parse(pod.status?.startTime ?? "");
  return seconds === undefined || Number.isNaN(start) ? undefined : start + seconds * 1000;
}

/** True when nothing of the pod's work is left to do, well or badly. */
function isFinished(pod: Pod, state: PodState): boolean {
  const isOver = (container: ContainerState): boolean => container.run.at === "ended" && !restarts(pod, container);
  const hasFailedInit = state.containers.some(
    (container) =>
      container.role === "init" && isOver(container) && container.run.at === "ended" && container.run.exitCode !== 0,
  );
  const main = state.containers.filter(({ role }) => role === "main");
  return hasFailedInit || (main.length > 0 && main.every(isOver));
}

/** Whether a container that has ended is to run again. */
function restarts(pod: Pod, container: ContainerState): boolean {
  if (container.run.at !== "ended") return false;
  const policy = pod.spec?.restartPolicy ?? "Always";
  if (container.role === "sidecar") return true;
  if (container.role === "init") return container.run.exitCode !== 0 && policy !== "Never";
  return policy === "Always" || (policy === "OnFailure" && container.run.exitCode !== 0);
}

function startSteps(pod: Pod, state: PodState, now: number): readonly Action[] {
  const { sandbox } = state;
  if (sandbox.at === "none")
    return sandbox.retryAt <= now ? [{ do: "prepare" }] : [{ do: "wake", at: sandbox.retryAt }];
  if (sandbox.at !== "ready") return [];

  const steps: Action[] = [];
  for (const container of state.containers.filter(({ role }) => role !== "main")) {
    const { run } = container;
    if (container.role === "init" && run.at === "ended" && run.exitCode === 0) continue;
    if (container.role === "sidecar" && run.at === "running" && container.isStarted && run.isPostStartDone) continue;
    // A pod past its initialisation has all of them behind it: only sidecars come back.
    if (state.isInitialized && container.role === "init") continue;
    steps.push(...runSteps(pod, container, now));
    if (!state.isInitialized) return steps;
  }
  for (const container of state.containers.filter(({ role }) => role === "main")) {
    steps.push(...runSteps(pod, container, now));
    const { run } = container;
    const isHolding = run.at === "starting" || run.at === "waiting" || (run.at === "running" && !run.isPostStartDone);
    if (isHolding && hasPostStart(pod, container.name)) break;
  }
  return steps;
}

function hasPostStart(pod: Pod, name: string): boolean {
  return containersOf(pod).some((container) => container.name === name && container.lifecycle?.postStart !== undefined);
}

/** Gets one container to run, now or when its back-off is over. */
function runSteps(pod: Pod, container: ContainerState, now: number): readonly Action[] {
  const { run, name } = container;
  if (run.at === "waiting")
    return run.retryAt <= now ? [{ do: "start", container: name }] : [{ do: "wake", at: run.retryAt }];
  if (run.at !== "ended" || !restarts(pod, container)) return [];
  const at = retryAt(container.backoff, run.finishedAt);
  return at <= now ? [{ do: "start", container: name }] : [{ do: "back-off", container: name, until: at }];
}

/** Whether Services send their clients here until they hear that the pod is deleted. */
function isServing({ metadata, status }: Pod): boolean {
  const isReady = status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
  return metadata?.deletionTimestamp !== undefined && isReady === true;
}

/** Main and init containers end together; the sidecars after them, the last started first. Then the sandbox goes. */
function stopSteps(
  pod: Pod,
  state: PodState,
  stop: { readonly since: number; readonly grace: number },
  now: number,
): readonly Action[] {
  const isAlive = ({ run }: ContainerState): boolean => run.at === "running" || run.at === "starting";
  const left = Math.max(Math.min(leastGrace, stop.grace), stop.since + stop.grace - now);
  const stopOf = (container: ContainerState): readonly Action[] =>
    container.run.at === "running" && !container.run.isStopping
      ? [{ do: "stop", container: container.name, grace: left }]
      : [];

  const first = state.containers.filter((container) => container.role !== "sidecar" && isAlive(container));
  const servesUntil = stop.since + Math.min(headStart, stop.grace / 4);
  if (first.length > 0 && now < servesUntil && isServing(pod)) return [{ do: "wake", at: servesUntil }];
  if (first.length > 0) return first.flatMap(stopOf);
  const sidecar = state.containers.findLast((container) => container.role === "sidecar" && isAlive(container));
  if (sidecar) return stopOf(sidecar);
  if (state.sandbox.at === "ready" || state.sandbox.at === "none") return [{ do: "remove-sandbox" }];
  if (state.sandbox.at === "removed" && pod.metadata?.deletionTimestamp !== undefined) return [{ do: "delete-object" }];
  return [];
}
