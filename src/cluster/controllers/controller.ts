import type { KubeClient } from "#kube/client.ts";
import type { Log } from "#log/log.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { EventRecorder } from "./events.ts";

/** What every controller is given. */
export interface ControllerContext {
  readonly client: KubeClient;
  readonly state: ClusterState;
  readonly log: Log;
  readonly nodeName: string;
  /** An event recorder that signs as this component. */
  readonly recorder: (component: string) => EventRecorder;
}

/** A running controller; `stop` resolves when its work has ended. */
export interface RunningController {
  stop(): Promise<void>;
}
