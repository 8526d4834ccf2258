import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { startInformer } from "#kube/informer.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { silentLog } from "#log/log.ts";
import { createApiServer } from "../apiserver/server.ts";
import { PodStreamError } from "../pod-streams.ts";
import { createControllers } from "./controllers.ts";

/** A real API server and the controllers on it, for tests; what a kubelet would report is written by the test. */
export interface TestCluster {
  readonly client: KubeClient;
  /** Pods that have a node run and become ready by themselves, and end when they are deleted, unless this is false of them. */
  runs: (pod: Pod) => boolean;
  setPod(pod: Pod, status: Pod["status"]): Promise<void>;
  /** Resolves with what `look` finds; gives up after `seconds`. */
  eventually<T>(look: () => Promise<T | undefined | false>, seconds?: number): Promise<T>;
  stop(): Promise<void>;
}

const nodeName = "test-node";
const noStreams = (): never => {
  throw new PodStreamError(500, "no runtime in this test");
};

export async function startTestCluster(): Promise<TestCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), "weft-controllers-"));
  const server = createApiServer({
    dataDir,
    port: 0,
    bindAddresses: ["127.0.0.1"],
    extraNames: [],
    serviceCidr: "10.96.0.0/16",
    streams: { logs: noStreams, exec: noStreams, attach: noStreams, portForward: noStreams },
    clusterName: "test",
    log: silentLog,
    resolveService: async () => undefined,
  });
  await server.start();
  const client = createKubeClient(server.transport({ username: "admin", groups: ["system:masters"] }));
  await client.create(resourceTypes.nodes, { metadata: { name: nodeName, labels: { "kubernetes.io/os": "linux" } } });
  const addresses = new Map<string, string>();
  const controllers = createControllers({
    client,
    log: silentLog,
    nodeName,
    rootCa: server.caCertificate,
    loadBalancer: {
      allocate(key, wanted) {
        const taken = new Set([...addresses].filter(([other]) => other !== key).map(([, ip]) => ip));
        const free = ["192.0.2.1", "192.0.2.2"].find((ip) => !taken.has(ip));
        const ip = addresses.get(key) ?? (wanted && !taken.has(wanted) ? wanted : free);
        if (ip) addresses.set(key, ip);
        return ip;
      },
      release: (key) => void addresses.delete(key),
    },
  });
  await controllers.start();
  const stop = new AbortController();

  let last = 1;
  const cluster: TestCluster = {
    client,
    runs: () => true,
    async setPod(pod, status) {
      await client.update<Pod>(resourceTypes.pods, { ...pod, status: { ...pod.status, ...status } }, "status");
    },
    async eventually(look, seconds = 5) {
      const end = Date.now() + seconds * 1000;
      for (;;) {
        const found = await look();
        if (found) return found;
        if (Date.now() > end) throw new Error(`not within ${seconds} s: ${look.toString()}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async stop() {
      stop.abort();
      await controllers.stop();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  async function play(pod: Pod): Promise<void> {
    const { namespace = "", name = "" } = pod.metadata ?? {};
    if (pod.metadata?.deletionTimestamp)
      await client.delete(resourceTypes.pods, { namespace, name, gracePeriodSeconds: 0 });
    else if (pod.spec?.nodeName && pod.status?.phase === "Pending")
      await cluster.setPod(pod, readyStatus(pod, `10.0.0.${(last = (last % 250) + 1)}`));
  }
  const pods = startInformer<Pod>(client, resourceTypes.pods, { signal: stop.signal, log: silentLog });
  pods.onChange(({ after }) => {
    if (!after || !cluster.runs(after)) return;
    play(after).catch((error: unknown) => {
      if (isKubeError(error, "Conflict") || isKubeError(error, "NotFound") || stop.signal.aborted) return;
      throw new Error(`the test's kubelet failed at ${objectKey(after)}`, { cause: error });
    });
  });
  await pods.synced;
  return cluster;
}

function readyStatus(pod: Pod, podIP: string): NonNullable<Pod["status"]> {
  const now = new Date().toISOString();
  const ready = { type: "Ready", status: "True", lastTransitionTime: now };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "Ready");
  return { phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions: [...others, ready] };
}
