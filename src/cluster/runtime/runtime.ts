import type { Stats } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { KubeClient } from "#kube/client.ts";
import type { Log } from "#log/log.ts";
import type { PodStreams } from "../pod-streams.ts";
import { clusterCgroup, coverUnified, removeCgroup, uncoverUnified } from "./cgroup.ts";
import { compileCachePath, openCompileCache } from "./compile-cache.ts";
import type { RuntimeContext, RuntimeEvents } from "./context.ts";
import { createCrun } from "./crun.ts";
import { createGate } from "./gate.ts";
import { readHostLimits } from "./host-limits.ts";
import { parsePasswd } from "./identity.ts";
import { createLayout } from "./layout.ts";
import { removeRuntimeLeftovers } from "./leftovers.ts";
import { createMask } from "./mask.ts";
import { mountTmpfs, unmountBelow } from "./mounts.ts";
import { registerNode } from "./node-object.ts";
import type { OciMount } from "./oci-spec.ts";
import { bind } from "./pod/binds.ts";
import { type PodSet, startPodSet } from "./pod-set.ts";
import { createPodStreams } from "./pod-streams.ts";
import { createPortForwarder } from "./port-forward.ts";
import type { ImageCatalogue, PodNetwork } from "./seams.ts";
import { startWarmUp } from "./warm-up.ts";

export interface RuntimeOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly nodeAddress: string;
  /** Kubernetes' version as the node reports it, `v1.32.…`. */
  readonly kubeletVersion: string;
  /** On the disk: logs, claims, what containers write. */
  readonly dataDir: string;
  readonly runDir: string;
  readonly clusterName: string;
  readonly network: PodNetwork;
  readonly images: ImageCatalogue;
  /** Address of the cluster's DNS. */
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** ClusterIP of the `kubernetes` Service. */
  readonly apiServiceHost: string;
  /** Names under /usr/local/bin in every container → files of the host. */
  readonly binaries: Readonly<Record<string, string>>;
  /** Names under /opt/weft in every container → directories or files of the host. */
  readonly code: Readonly<Record<string, string>>;
  /** Where compiled code of Weft's own programs is kept between starts; none when absent. */
  readonly compileCacheDir?: string;
  readonly events: RuntimeEvents;
  readonly log: Log;
}

/** Runs the pods of one node: what the kubelet and a container runtime are elsewhere. */
export interface Runtime {
  /** Clears what a crash left, registers the node and takes up its pods. */
  start(): Promise<void>;
  /** Ends all pods' processes and removes mounts and cgroups. The API keeps the pods: they come back with the next start. */
  stop(): Promise<void>;
  readonly streams: PodStreams;
  /** The first process of a pod's containers that run, in the host's pid namespace. */
  pidOf(namespace: string, pod: string): number | undefined;
}

/** The machine's storage isn't measured: limits on it aren't enforced. */
const storageCapacity = 10 * 2 ** 30;

/** Needs root, a mount namespace of the process's own and, where cgroup v1 is in use, no `unified` hierarchy mounted in it. */
export function createRuntime(options: RuntimeOptions): Runtime {
  const layout = createLayout(options);
  const log = options.log.with({ part: "runtime" });
  const life = new AbortController();
  const crun = createCrun(layout.crunState);
  const forwarder = createPortForwarder(join(layout.run, "forward"));
  let pods: PodSet | undefined;
  let warmUp: ReturnType<typeof startWarmUp> | undefined;

  async function context(): Promise<RuntimeContext> {
    await Promise.all(
      [layout.run, layout.logs, layout.pods, layout.claims].map((path) => mkdir(path, { recursive: true })),
    );
    await mountTmpfs(layout.run);
    await coverUnified();
    await mkdir(layout.crunState, { recursive: true });
    const { src } = options.code;
    const compileCache =
      options.compileCacheDir && src ? await openCompileCache(options.compileCacheDir, src) : undefined;
    const codeBinds = await existing([
      ...(compileCache ? [bind(compileCache.directory, compileCachePath, true)] : []),
      ...Object.entries(options.code).map(([name, source]) => bind(source, `/opt/weft/${name}`, true)),
      ...Object.entries(options.binaries).map(([name, source]) => bind(source, `/usr/local/bin/${name}`, true)),
    ]);
    const mountPoints = new Map<string, "file" | "directory">();
    for (const [{ destination }, found] of codeBinds)
      mountPoints.set(destination, found.isDirectory() ? "directory" : "file");
    const [mask, passwd, hostResolvConf] = await Promise.all([
      createMask({ directory: layout.mask, mountPoints }),
      readFile("/etc/passwd", "utf8").catch(() => ""),
      readFile("/etc/resolv.conf", "utf8").catch(() => ""),
    ]);
    return {
      client: options.client,
      nodeName: options.nodeName,
      nodeAddress: options.nodeAddress,
      clusterName: options.clusterName,
      layout,
      network: options.network,
      images: options.images,
      events: options.events,
      crun,
      dns: { clusterDns: options.clusterDns, clusterDomain: options.clusterDomain, hostResolvConf },
      apiServiceHost: options.apiServiceHost,
      capacity: { cpu: cpus().length, memory: totalmem(), storage: storageCapacity },
      limits: await readHostLimits(),
      users: parsePasswd(passwd),
      mask,
      codeBinds: codeBinds.map(([mount]) => mount),
      compileCache,
      baseEnv: compileCache ? { NODE_COMPILE_CACHE: compileCachePath } : {},
      starts: createGate(Math.max(2, cpus().length * 2)),
      log,
    };
  }

  return {
    async start() {
      const { clusterName: name, runDir, dataDir, client, nodeName, nodeAddress, kubeletVersion } = options;
      await removeRuntimeLeftovers({ name, runDir, dataDir });
      const shared = await context();
      await registerNode({ client, nodeName, nodeAddress, kubeletVersion, log }, life.signal);
      pods = await startPodSet(shared, life.signal);
      if (shared.compileCache) warmUp = startWarmUp(shared, shared.compileCache);
    },
    async stop() {
      life.abort();
      forwarder.stop();
      await Promise.all([pods?.halt(), warmUp?.stop()]);
      await unmountBelow(layout.run);
      await removeCgroup(clusterCgroup(options.clusterName));
      await uncoverUnified();
    },
    streams: createPodStreams({ layout, crun, forwarder, find: (namespace, name) => pods?.find(namespace, name) }),
    pidOf(namespace, name) {
      const worker = pods?.find(namespace, name);
      const names = worker?.state.containers.map((container) => container.name) ?? [];
      for (const container of names) {
        const handle = worker?.handle(container);
        if (handle) return handle.process.pid;
      }
      return undefined;
    },
  };
}

/** Leaves out what isn't there on this machine: a container that needs it then says so itself. */
async function existing(binds: readonly OciMount[]): Promise<readonly (readonly [OciMount, Stats])[]> {
  const found = await Promise.all(
    binds.map(async (mount) => [mount, await stat(mount.source).catch(() => undefined)] as const),
  );
  return found.flatMap(([mount, info]) => (info ? [[mount, info] as const] : []));
}
