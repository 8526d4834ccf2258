import { join } from "node:path";
import type { Readable } from "node:stream";
import { type ContainerRef, type LogOptions, type PodRef, PodStreamError, type PodStreams } from "../pod-streams.ts";
import { attachToContainer } from "./attach.ts";
import type { Crun } from "./crun.ts";
import { ExecStartError, execInContainer } from "./exec.ts";
import type { Layout } from "./layout.ts";
import { readLog } from "./logs/log-reader.ts";
import type { ContainerRunHandle } from "./pod/container-run.ts";
import type { ContainerState } from "./pod/pod-state.ts";
import type { PodWorker } from "./pod/pod-worker.ts";
import type { PortForwarder } from "./port-forward.ts";

export interface PodStreamsOptions {
  readonly layout: Layout;
  readonly crun: Crun;
  readonly forwarder: PortForwarder;
  readonly find: (namespace: string, name: string) => PodWorker | undefined;
}

/** exec, attach, logs and port-forward for the API server. */
export function createPodStreams(options: PodStreamsOptions): PodStreams {
  const { layout, crun } = options;

  function worker(ref: PodRef): PodWorker {
    const found = options.find(ref.namespace, ref.name);
    if (!found) throw new PodStreamError(404, `pod "${ref.name}" isn't on this node`);
    return found;
  }

  function container(ref: ContainerRef): { readonly pod: PodWorker; readonly state: ContainerState } {
    const pod = worker(ref);
    const state = pod.state.containers.find(({ name }) => name === ref.container);
    if (!state) throw new PodStreamError(400, `container ${ref.container} is not valid for pod ${ref.name}`);
    return { pod, state };
  }

  function running(ref: ContainerRef): ContainerRunHandle {
    const { pod, state } = container(ref);
    const handle = pod.handle(ref.container);
    if (handle) return handle;
    const why = state.run.at === "ended" ? `has ended (${state.run.reason})` : "isn't running yet";
    throw new PodStreamError(400, `container "${ref.container}" in pod "${ref.name}" ${why}`);
  }

  return {
    async logs(ref, logOptions) {
      const { pod, state } = container(ref);
      return logOf(layout, pod, state, logOptions);
    },
    async exec(ref, execOptions) {
      const handle = running(ref);
      try {
        return { exitCode: await execInContainer(crun, handle.exec, execOptions) };
      } catch (error) {
        if (error instanceof ExecStartError) throw new PodStreamError(500, error.message, { cause: error });
        throw error;
      }
    },
    async attach(ref, attachOptions) {
      return attachToContainer(running(ref), attachOptions);
    },
    async portForward(ref, port) {
      const pod = worker(ref);
      const netns = pod.netns;
      if (netns === undefined)
        throw new PodStreamError(
          400,
          `pod "${ref.name}" isn't running; its phase is ${pod.pod.status?.phase ?? "Pending"}`,
        );
      return options.forwarder.connect(netns, port);
    },
  };
}

/** As the API server of Kubernetes chooses: the present run, else the last one that there was. */
function logOf(layout: Layout, pod: PodWorker, state: ContainerState, options: LogOptions): Readable {
  const { run, name } = state;
  const isPast = run.at === "waiting" || run.at === "starting";
  const ran = isPast ? state.runs - 1 : state.runs - 1 - (options.previous ? 1 : 0);
  if (options.previous && (isPast ? state.last === undefined : ran < 0))
    throw new PodStreamError(400, `previous terminated container "${name}" in pod "${pod.name.name}" not found`);
  if (ran < 0) {
    const why = run.at === "waiting" ? (run.reason ?? "ContainerCreating") : "ContainerCreating";
    throw new PodStreamError(400, `container "${name}" in pod "${pod.name.name}" is waiting to start: ${why}`);
  }
  const writer = options.previous ? undefined : pod.handle(name)?.log;
  const path = join(layout.containerLogs(pod.name, name), `${ran}.log`);
  return readLog(writer?.path === path ? { path, writer } : { path }, options);
}
