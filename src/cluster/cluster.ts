import { Resolver } from "node:dns/promises";
import { access, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { createKubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { type ApiServer, createApiServer } from "./apiserver/server.ts";
import { type ClusterPaths, contextName, forwardingRecord, imagesFile } from "./cluster-paths.ts";
import type { ClusterRecord } from "./cluster-record.ts";
import { createControllers } from "./controllers/controllers.ts";
import { createRecorder } from "./controllers/events.ts";
import { findEnvoy } from "./envoy-binary.ts";
import { createImageCatalogue } from "./images/catalogue.ts";
import { createImageStore } from "./images/store.ts";
import { startClusterDns } from "./network/cluster-dns.ts";
import { run } from "./network/command.ts";
import { openHostFirewall } from "./network/host-firewall.ts";
import { removeNetworkLeftovers } from "./network/leftovers.ts";
import { createLoadBalancerPool } from "./network/load-balancer.ts";
import { createNodeLink, keepUplinksForwarding } from "./network/node-link.ts";
import { createPodNetwork } from "./network/pod-network.ts";
import type { ClusterRanges } from "./network/ranges.ts";
import { startServiceRouting } from "./network/service-routing.ts";
import { createSliceIndex } from "./network/slice-index.ts";
import { createResolveService } from "./resolve-service.ts";
import { createRuntime, type Runtime } from "./runtime/runtime.ts";
import type { StartSteps } from "./start-steps.ts";
import { ensureDnsService } from "./system-objects.ts";

/** A cluster within the daemon's process. */
export interface RunningCluster {
  /** Running pods. */
  podCount(): Promise<number>;
  podPid(namespace: string, pod: string): number | undefined;
  /** Ends pods, rules, links and servers; what is stored stays. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly record: ClusterRecord;
  readonly paths: ClusterPaths;
  readonly ranges: ClusterRanges;
  readonly steps: StartSteps;
  readonly log: Log;
}

/** What the node and `kubectl version` report; the design's fixed contract. */
const kubernetesVersion = "v1.32.0";
const domain = "cluster.local";
const root = join(import.meta.dirname, "..", "..");

/** Builds and starts every part of a cluster, in the order in which they need each other. The only place where they are wired. */
export async function startCluster({ record, paths, ranges, steps, log }: StartOptions): Promise<RunningCluster> {
  const { name } = record;
  const { dataDir, runDir } = paths;
  const nodeName = nodeNameOf(name);
  const life = new AbortController();
  const quit = life.signal;

  await leaveUnifiedCgroups();
  await steps.run("network", async () => {
    await removeNetworkLeftovers({ name, index: ranges.index, runDir });
    await createNodeLink(ranges);
    await openHostFirewall(name, ranges.index);
  });
  const stopForwarding = keepUplinksForwarding(forwardingRecord, (error) =>
    log.warn("uplinks can't forward", { error }),
  );

  // The API server asks for these when they are there; no request comes before.
  let runtime: Runtime | undefined;
  let informers: ReturnType<typeof startInformers> | undefined;
  const api: ApiServer = createApiServer({
    dataDir: join(dataDir, "api"),
    port: record.apiPort,
    bindAddresses: ["127.0.0.1", ranges.nodeIp],
    extraNames: [nodeName],
    serviceCidr: ranges.services.text,
    clusterName: contextName(name),
    streams: () => runtime?.streams ?? unready("the pod runtime"),
    resolveService: createResolveService(
      () => informers?.services,
      () => informers?.slices,
    ),
    log: log.with({ part: "apiserver" }),
  });
  await steps.run("API server", async () => {
    await api.start();
    await writeFile(paths.adminKubeconfig, api.adminKubeconfig(), { mode: 0o600 });
  });
  const client = createKubeClient(api.transport({ username: "system:weft", groups: ["system:masters"] }));
  informers = startInformers(client, quit, log);
  const { services, slices, namespaces } = informers;

  const dns = await steps.run("DNS", async () => {
    const server = await startClusterDns({
      host: ranges.nodeIp,
      dnsIp: ranges.dnsIp,
      domain,
      services,
      slices,
      namespaces,
      log: log.with({ part: "dns" }),
    });
    await ensureDnsService(client, ranges, server.port);
    return server;
  });
  await steps.run("services", () =>
    startServiceRouting({ cluster: name, ranges, services, slices, log: log.with({ part: "services" }), signal: quit }),
  );
  const controllers = createControllers({
    client,
    log,
    loadBalancer: createLoadBalancerPool(ranges.loadBalancers),
    rootCa: api.caCertificate,
    nodeName,
  });
  await steps.run("controllers", () => controllers.start());
  const pods = createRuntime({
    client,
    nodeName,
    nodeAddress: ranges.nodeIp,
    kubeletVersion: kubernetesVersion,
    dataDir: join(dataDir, "node"),
    runDir,
    clusterName: name,
    network: createPodNetwork({ ranges, runDir, log: log.with({ part: "network" }) }),
    images: createImageCatalogue(createImageStore(imagesFile)),
    clusterDns: ranges.dnsIp,
    clusterDomain: domain,
    apiServiceHost: ranges.apiServerIp,
    binaries: binaries(),
    code: Object.fromEntries(
      ["src", "node_modules", "samples", "manifests", "package.json"].map((entry) => [entry, join(root, entry)]),
    ),
    compileCacheDir: join(root, ".cache", "compile-cache"),
    events: createRecorder(client, "kubelet", nodeName),
    log,
  });
  runtime = pods;
  await steps.run("node and pods", () => pods.start());
  await steps.run("DNS answers", () => dnsAnswers(ranges));

  return {
    async podCount() {
      const { items } = await client.list<Pod>(resourceTypes.pods);
      return items.filter(({ status }) => status?.phase === "Running").length;
    },
    podPid: (namespace, pod) => pods.pidOf(namespace, pod),
    async stop() {
      await settle(log, {
        controllers: () => controllers.stop(),
        pods: () => pods.stop(),
        dns: () => dns.stop(),
        async network() {
          life.abort();
          stopForwarding();
          await removeNetworkLeftovers({ name, index: ranges.index, runDir });
        },
        "API server": () => api.stop(),
      });
    },
  };
}

function startInformers(client: Parameters<typeof startInformer>[0], signal: AbortSignal, log: Log) {
  const options = { signal, log };
  return {
    services: startInformer<Service>(client, resourceTypes.services, options),
    slices: createSliceIndex(startInformer<EndpointSlice>(client, resourceTypes.endpointSlices, options)),
    namespaces: startInformer<Namespace>(client, resourceTypes.namespaces, options),
  };
}

/** Files of the host under /usr/local/bin in every container. */
function binaries(): Readonly<Record<string, string>> {
  const envoy = findEnvoy();
  return {
    node: process.execPath,
    ...(envoy === undefined ? {} : { envoy }),
    "pilot-agent": join(root, "bin", "pilot-agent"),
    "pilot-discovery": join(root, "bin", "pilot-discovery"),
  };
}

/** One after the other, all of them, whatever fails. */
async function settle(log: Log, parts: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  for (const [part, stop] of Object.entries(parts))
    await stop().catch((error: unknown) => log.error("stopping failed", { part, error }));
}

/** The whole way: host → ClusterIP → rules → server → what the API server knows. */
async function dnsAnswers({ dnsIp, apiServerIp }: ClusterRanges): Promise<void> {
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([dnsIp]);
  let failure: unknown;
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      const [address] = await resolver.resolve4(`kubernetes.default.svc.${domain}`);
      if (address === apiServerIp) return;
      failure = `kubernetes.default.svc.${domain} is ${address}`;
    } catch (error) {
      failure = error;
    }
    await sleep(20);
  }
  throw new Error(`the cluster's DNS at ${dnsIp} doesn't answer rightly: ${String(failure)}`);
}

/**
 * Where cgroup v1 has the controllers, systemd also mounts an empty v2 hierarchy, and crun would put containers into
 * that one alone. In this process's own mount namespace it is taken out; what crun writes in its place goes to a file
 * system that ends with the namespace.
 */
async function leaveUnifiedCgroups(): Promise<void> {
  const isV1 = await access("/sys/fs/cgroup/memory").then(
    () => true,
    () => false,
  );
  if (!isV1) return;
  const unified = "/sys/fs/cgroup/unified";
  await run("umount", [unified]).catch(() => {});
  await run("mount", ["-t", "tmpfs", "-o", "mode=755,size=1m", "tmpfs", unified]).catch(() => {});
}

/** The machine's name; that of the cluster too where there are several, so that nodes can be told apart. */
function nodeNameOf(cluster: string): string {
  const machine =
    (hostname().split(".")[0] ?? "")
      .toLowerCase()
      .replace(/[^a-z0-9-]/g, "-")
      .replace(/^-+|-+$/g, "") || "node";
  return cluster === "default" ? machine : `${machine}-${cluster}`;
}

function unready(what: string): never {
  throw new Error(`${what} isn't there yet`);
}
