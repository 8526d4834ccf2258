import { join } from "node:path";
import type { Pod } from "kubernetes-types/core/v1.d.ts";

/** Where the runtime keeps things. Everything below `runDir` lives in memory and is gone when the daemon dies. */
export interface Layout {
  /** A tmpfs of our own: state of crun, bundles, mount points, volumes in memory. */
  readonly run: string;
  readonly crunState: string;
  /** Lower layers that hide parts of the host's root filesystem. */
  readonly mask: string;
  readonly logs: string;
  readonly pods: string;
  readonly claims: string;
  /** One pod's directory on disk: volumes, files for /etc, the containers' upper layers. */
  pod(uid: string): string;
  /** One pod's directory in memory. */
  podRun(uid: string): string;
  /** Where one container's logs are: `<restart count>.log`. */
  containerLogs(pod: PodName, container: string): string;
  podLogs(pod: PodName): string;
}

export interface PodName {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export function createLayout(options: { readonly dataDir: string; readonly runDir: string }): Layout {
  const run = join(options.runDir, "pods");
  const logs = join(options.dataDir, "logs");
  const pods = join(options.dataDir, "pods");
  const podLogs = (pod: PodName): string => join(logs, `${pod.namespace}_${pod.name}_${pod.uid}`);
  return {
    run,
    logs,
    pods,
    podLogs,
    crunState: join(run, "crun"),
    mask: join(run, "mask"),
    claims: join(options.dataDir, "claims"),
    pod: (uid) => join(pods, uid),
    podRun: (uid) => join(run, "pod", uid),
    containerLogs: (pod, container) => join(podLogs(pod), container),
  };
}

export function podNameOf(pod: Pod): PodName {
  const { namespace = "default", name = "", uid = "" } = pod.metadata ?? {};
  return { namespace, name, uid };
}
