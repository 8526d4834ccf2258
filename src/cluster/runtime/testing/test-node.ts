import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pod, PodSpec } from "kubernetes-types/core/v1.d.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { silentLog } from "#log/log.ts";
import { type ApiServer, createApiServer } from "../../apiserver/server.ts";
import { createControllers } from "../../controllers/controllers.ts";
import { createRecorder } from "../../controllers/events.ts";
import { createImageCatalogue } from "../../images/catalogue.ts";
import { createImageStore } from "../../images/store.ts";
import { withMachineLock } from "../../lock.ts";
import { removeNetworkLeftovers } from "../../network/leftovers.ts";
import { createLoadBalancerPool } from "../../network/load-balancer.ts";
import { createNodeLink } from "../../network/node-link.ts";
import { createPodNetwork } from "../../network/pod-network.ts";
import { type ClusterRanges, maxClusters, rangesOf } from "../../network/ranges.ts";
import { createRuntime, type Runtime } from "../runtime.ts";

/** A node of its own for a test: real API server, controllers, network and runtime, under a name and range of its own. */
export interface TestNode {
  readonly client: KubeClient;
  readonly runtime: Runtime;
  readonly name: string;
  /** Of its address ranges. */
  readonly index: number;
  readonly dataDir: string;
  readonly runDir: string;
  readonly api: ApiServer;
  createPod(name: string, spec: PodSpec, metadata?: Pod["metadata"]): Promise<Pod>;
  /** The pod as soon as `isWanted` holds of it; rejects, showing its status, when it doesn't in time (ms). */
  waitFor(name: string, isWanted: (pod: Pod) => boolean, time?: number): Promise<Pod>;
  waitGone(name: string, time?: number): Promise<void>;
  /** What a command writes in a container, and its exit code. */
  exec(pod: string, container: string, ...command: string[]): Promise<{ exitCode: number; output: string }>;
  logs(pod: string, container: string, previous?: boolean): Promise<string>;
  /** Ends the runtime and starts another one on the same data, as after a crash of the daemon. */
  restartRuntime(): Promise<void>;
  stop(): Promise<void>;
}

const repository = new URL("../../../../", import.meta.url).pathname;

export async function startTestNode(): Promise<TestNode> {
  const name = `test-${process.pid}`;
  const directory = await mkdtemp(join(tmpdir(), "weft-runtime-"));
  const dataDir = join(directory, "data");
  const runDir = join("/run", `weft-${name}`);
  await Promise.all([mkdir(dataDir), mkdir(runDir)]);
  const ranges = await claimRanges();
  const { index } = ranges;
  const api = createApiServer({
    dataDir: join(directory, "api"),
    port: 0,
    bindAddresses: ["127.0.0.1"],
    extraNames: [],
    serviceCidr: ranges.services.text,
    streams: () => runtime.streams,
    clusterName: name,
    log: silentLog,
    resolveService: () => Promise.resolve(undefined),
  });
  await api.start();
  const client = createKubeClient(api.transport({ username: "admin", groups: ["system:masters"] }));
  const pool = createLoadBalancerPool(ranges.loadBalancers);
  const controllers = createControllers({
    client,
    log: silentLog,
    loadBalancer: pool,
    rootCa: api.caCertificate,
    nodeName: name,
  });
  const start = async (): Promise<Runtime> => {
    const made = createRuntime({
      client,
      nodeName: name,
      nodeAddress: ranges.nodeIp,
      kubeletVersion: "v1.32.0",
      dataDir,
      runDir,
      clusterName: name,
      network: createPodNetwork({ ranges, runDir, log: silentLog }),
      images: createImageCatalogue(createImageStore(join(directory, "images.json"))),
      clusterDns: ranges.dnsIp,
      clusterDomain: "cluster.local",
      apiServiceHost: ranges.apiServerIp,
      binaries: { node: process.execPath },
      code: Object.fromEntries(
        ["src", "node_modules", "samples", "package.json"].map((entry) => [entry, join(repository, entry)]),
      ),
      compileCacheDir: join(tmpdir(), "weft-test-compile-cache"),
      events: createRecorder(client, "kubelet", name),
      log: silentLog,
    });
    await made.start();
    return made;
  };
  let runtime = await start();
  await controllers.start();

  const namespace = "default";
  const find = (pod: string): Promise<Pod | undefined> =>
    client.find<Pod>(resourceTypes.pods, { namespace, name: pod });
  const node: TestNode = {
    client,
    api,
    name,
    index,
    dataDir,
    runDir,
    get runtime() {
      return runtime;
    },
    async createPod(podName, spec, metadata = {}) {
      // The default account and its certificate come a moment after the namespace.
      for (let tries = 0; ; tries += 1)
        try {
          return await client.create<Pod>(resourceTypes.pods, {
            metadata: { ...metadata, namespace, name: podName },
            spec: { terminationGracePeriodSeconds: 1, ...spec },
          });
        } catch (error) {
          if (tries > 100 || !String(error).includes("service account")) throw error;
          await sleep(20);
        }
    },
    async waitFor(podName, isWanted, time = 10_000) {
      let pod: Pod | undefined;
      for (const end = Date.now() + time; Date.now() < end; await sleep(10)) {
        pod = await find(podName);
        if (pod && isWanted(pod)) return pod;
      }
      throw new Error(`pod ${podName} didn't get there in ${time} ms: ${JSON.stringify(pod?.status, undefined, 1)}`);
    },
    async waitGone(podName, time = 10_000) {
      for (const end = Date.now() + time; Date.now() < end; await sleep(10)) if (!(await find(podName))) return;
      throw new Error(`pod ${podName} is still there after ${time} ms`);
    },
    async exec(pod, container, ...command) {
      const { collect, text } = collector();
      const { exitCode } = await runtime.streams.exec(
        { namespace, name: pod, container },
        { command, tty: false, stdout: collect, stderr: collect, signal: AbortSignal.timeout(20_000) },
      );
      return { exitCode, output: text() };
    },
    async logs(pod, container, previous = false) {
      const stream = await runtime.streams.logs(
        { namespace, name: pod, container },
        { follow: false, previous, timestamps: false, signal: AbortSignal.timeout(10_000) },
      );
      return (await stream.toArray()).join("");
    },
    async restartRuntime() {
      await runtime.stop();
      runtime = await start();
    },
    async stop() {
      await controllers.stop();
      await runtime.stop();
      await api.stop();
      await removeNetworkLeftovers({ name, index, runDir });
      await rm(directory, { recursive: true, force: true });
      await rm(runDir, { recursive: true, force: true });
    },
  };
  return node;
}

/** Ranges that nobody has, from the other end than `weft up` takes them, held by their bridge. */
function claimRanges(): Promise<ClusterRanges> {
  return withMachineLock(async () => {
    for (let index = maxClusters - 1; index >= 0; index--) {
      const ranges = rangesOf(index);
      if (existsSync(`/sys/class/net/${ranges.bridge}`)) continue;
      await createNodeLink(ranges);
      return ranges;
    }
    throw new Error("every address range is taken: too many clusters or tests run at once");
  });
}

/** A stream that keeps what is written to it. */
export function collector(): { readonly collect: Writable; readonly text: () => string } {
  let written = "";
  const collect = new Writable({
    write(chunk: Buffer, _, done) {
      written += chunk.toString("utf8");
      done();
    },
  });
  return { collect, text: () => written };
}
