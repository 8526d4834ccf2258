import { rm } from "node:fs/promises";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { isKubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { RuntimeContext } from "../context.ts";
import { type PodName, podNameOf } from "../layout.ts";
import { createContainerKeeper } from "./container-keeper.ts";
import type { ContainerRunHandle } from "./container-run.ts";
import { type Action, decide, ownGrace } from "./decide.ts";
import {
  type ContainerState,
  containersOf,
  initialState,
  isInitialized,
  type PodState,
  withContainer,
} from "./pod-state.ts";
import { createSandboxBuilder, removeSandbox, type Sandbox, SandboxError } from "./sandbox.ts";
import { statusOf } from "./status.ts";
import { createStatusWriter } from "./status-writer.ts";

/** Brings one pod to what its object says and keeps it there. */
export interface PodWorker {
  readonly name: PodName;
  readonly state: PodState;
  /** The object as the API has it now. */
  readonly pod: Pod;
  update(pod: Pod): void;
  /** The object is gone from the API: everything of the pod goes, at once. */
  remove(): void;
  /** A ConfigMap or Secret of the namespace changed: `configmaps/NAME` or `secrets/NAME`. */
  objectChanged(key: string): void;
  /** Path of the pod's network namespace while it has one. */
  readonly netns: string | undefined;
  /** The present run of a container, while it runs. */
  handle(container: string): ContainerRunHandle | undefined;
  /** Kills the pod's processes and takes its mounts and network away; the API isn't told. */
  halt(): Promise<void>;
}

/** Waits between tries to make the sandbox (ms): doubling from the first to the longest. */
const sandboxRetry = { first: 500, longest: 60_000 };
const deleteRetry = 1_000;
/** Timers of Node can't be longer than this (ms). */
const longestTimer = 2 ** 31 - 1;

/*
 * One loop per pod. What can happen in it: the object changes (`update`) or goes (`remove`), a container starts, ends or is probed
 * (`change`), the sandbox stands or doesn't, a ConfigMap or Secret changes, a point in time is reached (`wake`), the node
 * stops (`halt`). Each leads to a new state, from which `decide` says what to do next.
 */

/** @param onGone - called once, when nothing of the pod is left, neither here nor in the API */
export function createPodWorker(context: RuntimeContext, first: Pod, onGone: () => void): PodWorker {
  const name = podNameOf(first);
  const log = context.log.with({ pod: `${name.namespace}/${name.name}` });
  const builder = createSandboxBuilder(context, first);
  let pod = first;
  let state = initialState(first);
  let sandbox: Sandbox | undefined;
  let isRemoved = false;
  let isHalted = false;
  let isDeleting = false;
  let deleteAfter = 0;
  let wake: NodeJS.Timeout | undefined;
  let refresh: NodeJS.Timeout | undefined;
  let isScheduled = false;
  const underway = new Set<Promise<void>>();

  const event = (type: "Normal" | "Warning", reason: string, message: string): void =>
    context.events.event(pod, type, reason, message);
  const status = createStatusWriter(
    context.client,
    () => pod,
    (previous) => statusOf(pod, state, { hostIp: context.nodeAddress, now: Date.now(), previous }),
    log,
  );
  const containers = createContainerKeeper(context, {
    pod: () => pod,
    state: () => state,
    sandbox: () => sandbox,
    change,
    event,
    isClosing: () => isHalted || isRemoved,
    log,
  });

  function set(next: PodState): void {
    state = next;
    if (!isHalted && !isRemoved) status.touch();
    schedule();
  }

  function change(container: string, values: Partial<ContainerState>): void {
    const next = withContainer(state, container, values);
    set({ ...next, isInitialized: next.isInitialized || isInitialized(next) });
  }

  function schedule(): void {
    if (isScheduled || isHalted) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      if (!isHalted) step();
    });
  }

  function step(): void {
    clearTimeout(wake);
    const now = Date.now();
    const times = decide(pod, state, now).map((action) => perform(action, now) ?? Number.POSITIVE_INFINITY);
    const next = Math.min(...times);
    if (next === Number.POSITIVE_INFINITY) return;
    wake = setTimeout(schedule, Math.min(longestTimer, Math.max(1, next - now)));
    wake.unref();
  }

  /** Begins an action; returns when the next decision is due, where that is known. */
  function perform(action: Action, now: number): number | undefined {
    switch (action.do) {
      case "prepare":
        track(prepare());
        return undefined;
      case "start":
        track(containers.start(action.container));
        return undefined;
      case "back-off":
        containers.backOff(action.container, action.until);
        return action.until;
      case "stop":
        containers.stop(action.container, action.grace, `Stopping container ${action.container}`);
        return undefined;
      case "give-up":
        event("Warning", action.reason, action.message);
        set({ ...state, failure: { reason: action.reason, message: action.message } });
        return undefined;
      case "stop-all":
        set({ ...state, stop: { since: now, grace: action.grace } });
        return undefined;
      case "remove-sandbox":
        track(dropSandbox());
        return undefined;
      case "delete-object":
        if (now < deleteAfter) return deleteAfter;
        track(deleteObject());
        return undefined;
      case "wake":
        return action.at;
    }
  }

  function track(work: Promise<void>): void {
    underway.add(work);
    void work.finally(() => underway.delete(work));
  }

  async function prepare(): Promise<void> {
    const tries = state.sandbox.at === "none" ? state.sandbox.tries : 0;
    set({ ...state, sandbox: { at: "preparing", tries } });
    try {
      sandbox = await builder.make();
      planRefresh();
      set({ ...state, sandbox: { at: "ready", ip: sandbox.facts.podIp } });
    } catch (error) {
      const reason = error instanceof SandboxError ? "FailedCreatePodSandBox" : "FailedMount";
      event("Warning", reason, error instanceof Error ? error.message : String(error));
      log.debug("the sandbox isn't ready", { error });
      const wait = Math.min(sandboxRetry.longest, sandboxRetry.first * 2 ** Math.min(tries, 16));
      set({ ...state, sandbox: { at: "none", retryAt: Date.now() + wait, tries: tries + 1 } });
    }
  }

  function planRefresh(): void {
    clearTimeout(refresh);
    const at = sandbox?.podVolumes.nextRefresh();
    if (at === undefined || isHalted) return;
    refresh = setTimeout(refreshVolumes, Math.min(longestTimer, Math.max(1_000, at - Date.now())));
    refresh.unref();
  }

  function refreshVolumes(): void {
    if (state.sandbox.at !== "ready") return;
    sandbox?.podVolumes
      .refresh(pod)
      .catch((error: unknown) =>
        event("Warning", "FailedMount", error instanceof Error ? error.message : String(error)),
      )
      .finally(planRefresh);
  }

  async function dropSandbox(): Promise<void> {
    clearTimeout(refresh);
    set({ ...state, sandbox: { at: "removing" } });
    await containers.allFinished();
    try {
      await removeSandbox(context, name.uid);
    } catch (error) {
      log.warn("the pod's sandbox wasn't removed completely", { error });
    }
    set({ ...state, sandbox: { at: "removed" } });
    if (isRemoved) await finish();
  }

  async function deleteObject(): Promise<void> {
    if (isDeleting || isRemoved) return;
    isDeleting = true;
    await status.settled();
    try {
      const ref = { namespace: name.namespace, name: name.name, uid: name.uid, gracePeriodSeconds: 0 };
      await context.client.delete(resourceTypes.pods, ref);
    } catch (error) {
      if (!isKubeError(error, "NotFound") && !isKubeError(error, "Conflict"))
        log.warn("deleting the ended pod failed; trying again", { error });
    }
    deleteAfter = Date.now() + deleteRetry;
    isDeleting = false;
    schedule();
  }

  async function finish(): Promise<void> {
    isHalted = true;
    clearTimeout(wake);
    await rm(context.layout.podLogs(name), { recursive: true, force: true });
    onGone();
  }

  status.touch();
  schedule();

  return {
    name,
    get state() {
      return state;
    },
    get pod() {
      return pod;
    },
    get netns() {
      return state.sandbox.at === "ready" ? sandbox?.netns : undefined;
    },
    handle: (container) => containers.handle(container),
    update(next) {
      const shown = ({ metadata }: Pod): string => JSON.stringify([metadata?.labels, metadata?.annotations]);
      const isShownChanged = shown(pod) !== shown(next);
      const before = new Map(containersOf(pod).map((container) => [container.name, container.image]));
      pod = next;
      // The image is the one thing of a container that may change.
      for (const { name: container, image } of containersOf(next))
        if (before.get(container) !== image)
          containers.stop(container, ownGrace(next), `Container ${container} definition changed, will be restarted`);
      if (isShownChanged) refreshVolumes();
      schedule();
    },
    remove() {
      if (isRemoved) return;
      isRemoved = true;
      containers.killAll();
      if (state.sandbox.at === "removed") track(finish());
      else set({ ...state, stop: { since: 0, grace: 0 } });
    },
    objectChanged(key) {
      if (state.sandbox.at === "ready") {
        if (sandbox?.podVolumes.uses(key)) refreshVolumes();
      } else if (state.sandbox.at === "none" && state.sandbox.tries > 0)
        set({ ...state, sandbox: { ...state.sandbox, retryAt: 0 } });
    },
    async halt() {
      isHalted = true;
      clearTimeout(wake);
      clearTimeout(refresh);
      containers.killAll();
      await Promise.allSettled(underway);
      containers.killAll();
      await containers.allFinished();
      if (state.sandbox.at !== "removed") await removeSandbox(context, name.uid);
    },
  };
}
