import type { Container, LifecycleHandler, Pod } from "kubernetes-types/core/v1.d.ts";
import type { Log } from "#log/log.ts";
import { ContainerConfigError } from "../container-env.ts";
import type { RuntimeContext } from "../context.ts";
import { ContainerStartError } from "../crun.ts";
import { type HookTarget, runHook } from "../hooks.ts";
import { startProbes } from "../probes/container-probes.ts";
import { afterTry } from "./backoff.ts";
import { type ContainerResult, type ContainerRunHandle, startContainer } from "./container-run.ts";
import { ownGrace } from "./decide.ts";
import { endedAfter, notStarted } from "./ending.ts";
import { type ContainerState, containersOf, type PodState } from "./pod-state.ts";
import type { Sandbox } from "./sandbox.ts";
import { stopContainer } from "./stop-container.ts";
import { backOffState, imageWait, isImageWait } from "./waiting.ts";

/** What the containers of a pod need of the pod's worker. */
export interface PodAccess {
  pod(): Pod;
  state(): PodState;
  sandbox(): Sandbox | undefined;
  readonly change: (container: string, values: Partial<ContainerState>) => void;
  readonly event: (type: "Normal" | "Warning", reason: string, message: string) => void;
  /** True when everything is being killed: what comes up late must go at once. */
  isClosing(): boolean;
  readonly log: Log;
}

/** Starts, watches and stops the containers of one pod, and tells the pod's state what happens to them. */
export interface ContainerKeeper {
  /** Never rejects. */
  start(container: string): Promise<void>;
  stop(container: string, grace: number, why: string): void;
  /** The container waits, after a crash, for its next start. */
  backOff(container: string, until: number): void;
  handle(container: string): ContainerRunHandle | undefined;
  killAll(): void;
  /** Resolves when nothing runs that runs now. */
  allFinished(): Promise<void>;
}

/** How soon what the API may heal is tried again (ms). */
const configRetry = 5_000;

export function createContainerKeeper(context: RuntimeContext, access: PodAccess): ContainerKeeper {
  const { change, event, log } = access;
  const runs = new Map<string, { readonly handle: ContainerRunHandle; readonly probes: AbortController }>();

  const stateOf = (name: string): ContainerState | undefined =>
    access.state().containers.find((candidate) => candidate.name === name);
  const specOf = (name: string): Container | undefined =>
    containersOf(access.pod()).find((candidate) => candidate.name === name);

  async function start(name: string): Promise<void> {
    const container = specOf(name);
    const before = stateOf(name);
    const sandbox = access.sandbox();
    if (!container || !before || !sandbox) return;
    const imageName = container.image ?? "";
    const image = context.images.resolve(imageName);
    if (!image) {
      const wait = imageWait(imageName, context.images.explainUnknown(imageName), isImageWait(before.run), Date.now());
      for (const [type, reason, message] of wait.events) event(type, reason, message);
      change(name, { run: wait.run });
      return;
    }
    change(name, { run: { at: "starting" }, last: before.run.at === "ended" ? before.run : before.last });
    event("Normal", "Pulled", `Container image "${imageName}" already present on machine`);
    const startedAt = Date.now();
    try {
      const handle = await context.starts.pass(() =>
        startContainer(context, sandbox, access.pod(), container, image, before.runs),
      );
      onStarted(container, before, handle);
    } catch (error) {
      onNotStarted(name, before, startedAt, error);
    }
  }

  function onNotStarted(name: string, before: ContainerState, startedAt: number, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    event("Warning", "Failed", `Error: ${message}`);
    if (error instanceof ContainerStartError) {
      change(name, { ...oneMoreRun(before, startedAt), run: { at: "ended", ...notStarted(message, startedAt) } });
      return;
    }
    const isConfig = error instanceof ContainerConfigError;
    if (!isConfig) log.warn("making a container failed", { container: name, error });
    const reason = isConfig ? "CreateContainerConfigError" : "CreateContainerError";
    change(name, { run: { at: "waiting", reason, message, retryAt: Date.now() + configRetry } });
  }

  function onStarted(container: Container, before: ContainerState, handle: ContainerRunHandle): void {
    const { name, lifecycle } = container;
    const startedAt = Date.now();
    const probes = new AbortController();
    runs.set(name, { handle, probes });
    event("Normal", "Created", `Created container: ${name}`);
    event("Normal", "Started", `Started container ${name}`);
    const isPostStartDone = lifecycle?.postStart === undefined;
    change(name, {
      ...oneMoreRun(before, startedAt),
      run: { at: "running", id: handle.id, startedAt, isPostStartDone, isStopping: false },
      isStarted: false,
      isReady: false,
    });
    void handle.finished.then((result) => onEnded(container, handle, startedAt, result));
    if (access.isClosing()) handle.process.signal("SIGKILL");
    if (lifecycle?.postStart) void runPostStart(container, lifecycle.postStart, handle, probes.signal);
    // Kubernetes' init containers have no probes; sidecars do.
    if (before.role !== "init") probe(container, handle, startedAt, probes.signal);
  }

  async function runPostStart(
    container: Container,
    handler: LifecycleHandler,
    handle: ContainerRunHandle,
    signal: AbortSignal,
  ): Promise<void> {
    const problem = await runHook(handler, targetOf(container, handle), signal);
    const run = stateOf(container.name)?.run;
    if (signal.aborted || run?.at !== "running") return;
    if (problem === undefined) {
      change(container.name, { run: { ...run, isPostStartDone: true } });
      return;
    }
    event("Warning", "FailedPostStartHook", `PostStartHook failed: ${problem}`);
    stop(container.name, ownGrace(access.pod()), "FailedPostStartHook");
  }

  function probe(container: Container, handle: ContainerRunHandle, startedAt: number, signal: AbortSignal): void {
    const { name } = container;
    const set = (values: Partial<ContainerState>): void => {
      if (!signal.aborted && stateOf(name)?.run.at === "running") change(name, values);
    };
    const events = {
      onStarted: () => set({ isStarted: true }),
      onReady: (isReady: boolean) => set({ isReady }),
      onUnhealthy: (kind: string, message: string) => event("Warning", "Unhealthy", `${kind} probe failed: ${message}`),
      onDead(kind: string, graceSeconds: number | undefined) {
        const grace = graceSeconds === undefined ? ownGrace(access.pod()) : graceSeconds * 1000;
        stop(name, grace, `Container ${name} failed ${kind} probe, will be restarted`);
      },
    };
    startProbes(container, startedAt, targetOf(container, handle), events, signal);
  }

  function onEnded(container: Container, handle: ContainerRunHandle, startedAt: number, result: ContainerResult): void {
    const { name } = container;
    runs.get(name)?.probes.abort();
    runs.delete(name);
    const run = stateOf(name)?.run;
    const wasStopped = (run?.at === "running" && run.isStopping) || access.isClosing();
    const ended = endedAfter(container, handle.id, startedAt, Date.now(), result, wasStopped);
    change(name, { run: { at: "ended", ...ended }, isStarted: false, isReady: false });
  }

  function stop(name: string, grace: number, why: string): void {
    const entry = runs.get(name);
    const run = stateOf(name)?.run;
    const container = specOf(name);
    if (!entry || !container || run?.at !== "running") return;
    if (run.isStopping) {
      // Somebody has less patience than before.
      if (grace === 0) entry.handle.process.signal("SIGKILL");
      return;
    }
    entry.probes.abort();
    change(name, { run: { ...run, isStopping: true } });
    event("Normal", "Killing", why);
    void stopContainer(container, entry.handle, targetOf(container, entry.handle), grace).then((problem) => {
      if (problem !== undefined) event("Warning", "FailedPreStopHook", `PreStopHook failed: ${problem}`);
    });
  }

  function targetOf(container: Container, handle: ContainerRunHandle): HookTarget {
    return { crun: context.crun, exec: handle.exec, container, podIp: access.sandbox()?.facts.podIp ?? "" };
  }

  return {
    start,
    stop,
    backOff(name, until) {
      const container = stateOf(name);
      if (container?.run.at !== "ended") return;
      const { name: pod = "", namespace = "", uid = "" } = access.pod().metadata ?? {};
      const where = `${pod}_${namespace}(${uid})`;
      event("Warning", "BackOff", `Back-off restarting failed container ${name} in pod ${where}`);
      change(name, { run: backOffState(container, where, until), last: container.run });
    },
    handle: (name) => runs.get(name)?.handle,
    killAll() {
      for (const { handle } of runs.values()) handle.process.signal("SIGKILL");
    },
    async allFinished() {
      await Promise.allSettled([...runs.values()].map(({ handle }) => handle.finished));
    },
  };
}

/** The first start isn't a retry: back-off begins with the second. */
function oneMoreRun(before: ContainerState, startedAt: number): Pick<ContainerState, "runs" | "backoff"> {
  return { runs: before.runs + 1, backoff: before.runs > 0 ? afterTry(before.backoff, startedAt) : undefined };
}
