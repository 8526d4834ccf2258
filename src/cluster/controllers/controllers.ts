import type { KubeClient } from "#kube/client.ts";
import type { Log } from "#log/log.ts";
import { type AllObjects, followAllObjects } from "./all-objects.ts";
import { openClusterState } from "./cluster-state.ts";
import type { ControllerContext, RunningController } from "./controller.ts";
import { runCronJobs } from "./cron-job.ts";
import { runDaemonSets } from "./daemon-set.ts";
import { runDeployments } from "./deployment.ts";
import { runEndpointMirroring } from "./endpoint-mirroring.ts";
import { runEndpointSlices } from "./endpoint-slice.ts";
import { runEndpoints } from "./endpoints.ts";
import { runEventExpiry } from "./event-expiry.ts";
import { createRecorder } from "./events.ts";
import { runGarbageCollector } from "./garbage-collector.ts";
import { runHorizontalPodAutoscalers } from "./horizontal-pod-autoscaler.ts";
import { runJobs } from "./job.ts";
import { type LoadBalancerAddresses, runLoadBalancers } from "./load-balancer.ts";
import { runNamespaces } from "./namespace.ts";
import { runNamespaceDefaults } from "./namespace-defaults.ts";
import { runPodDisruptionBudgets } from "./pod-disruption-budget.ts";
import { runReplicaSets } from "./replica-set.ts";
import { runScheduler } from "./scheduler.ts";
import { runStatefulSets } from "./stateful-set.ts";

export interface ControllersOptions {
  readonly client: KubeClient;
  readonly log: Log;
  readonly loadBalancer: LoadBalancerAddresses;
  /** PEM: what signed the API server's certificate, for `kube-root-ca.crt` in every namespace. */
  readonly rootCa: string;
  /** The only node; the scheduler waits until it is registered. */
  readonly nodeName: string;
}

/** All that makes the cluster move from what is asked for to what is. */
export interface Controllers {
  /** Resolves when the caches are filled and every controller works. The API server must be there, or it is waited for. */
  start(): Promise<void>;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

export function createControllers(options: ControllersOptions): Controllers {
  const { client, loadBalancer, rootCa, nodeName } = options;
  const log = options.log.with({ part: "controllers" });
  const ending = new AbortController();
  const running: RunningController[] = [];

  function startOnObjects(context: ControllerContext): RunningController[] {
    return [
      runNamespaceDefaults(context, rootCa),
      runScheduler(context),
      runReplicaSets(context),
      runDeployments(context),
      runDaemonSets(context),
      runStatefulSets(context),
      runJobs(context),
      runCronJobs(context),
      runEndpointSlices(context),
      runEndpoints(context),
      runEndpointMirroring(context),
      runLoadBalancers(context, loadBalancer),
      runPodDisruptionBudgets(context),
      runEventExpiry(context),
    ];
  }

  function startOnAllObjects(context: ControllerContext, all: AllObjects): RunningController[] {
    return [runNamespaces(context, all), runGarbageCollector(context, all), runHorizontalPodAutoscalers(context, all)];
  }

  return {
    async start() {
      const state = openClusterState(client, { signal: ending.signal, log });
      await state.synced;
      if (ending.signal.aborted) return;
      const recorder = (component: string) => createRecorder(client, component);
      const context: ControllerContext = { client, state, log, nodeName, recorder };
      running.push(...startOnObjects(context));
      const all = await followAllObjects(client, state, log);
      if (ending.signal.aborted) return;
      running.push(...startOnAllObjects(context, all));
      log.info("controllers work", { controllers: running.length });
    },
    async stop() {
      ending.abort();
      await Promise.all(running.map((controller) => controller.stop()));
    },
  };
}
