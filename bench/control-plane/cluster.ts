import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiServer } from "#cluster/apiserver/server.ts";
import { createDiscovery } from "#istioctl/discovery.ts";
import { applyManifests } from "#istioctl/install/apply.ts";
import { resolveOperatorSpec } from "#istioctl/install/operator-spec.ts";
import { renderComponents } from "#istioctl/install/render/components.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { silentLog } from "#log/log.ts";
import { namespaces, service, slice } from "./objects.ts";
import type { Size } from "./size.ts";

/** A Kubernetes API with the objects of the benchmark in it. */
export interface BenchCluster {
  /** Over HTTPS, as everybody's. */
  readonly client: KubeClient;
  readonly kubeconfig: string;
  /** Where the API server finds istiod's webhooks. */
  webhookPort: number;
  stop(): Promise<void>;
}

/** Requests under way at once while the mesh is filled in. */
const writers = 16;

export async function startCluster(size: Size): Promise<BenchCluster> {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  const kubeconfig = join(folder, "kubeconfig");
  const api = createApiServer({
    dataDir: join(folder, "data"),
    port: 0,
    bindAddresses: ["127.0.0.1"],
    extraNames: [],
    // Room for 10,000 services and more.
    serviceCidr: "10.96.0.0/12",
    streams: () => {
      throw new Error("no pods here");
    },
    clusterName: "bench",
    log: silentLog,
    resolveService: async () => ({ host: "127.0.0.1", port: cluster.webhookPort }),
  });
  await api.start();
  writeFileSync(kubeconfig, api.adminKubeconfig());
  const client = createKubeClient(createHttpsTransport(loadKubeConfig({ path: kubeconfig })));
  const cluster: BenchCluster = {
    client,
    kubeconfig,
    webhookPort: 1,
    async stop() {
      await api.stop();
      rmSync(folder, { recursive: true });
    },
  };
  const spec = resolveOperatorSpec({ files: [], set: ["profile=minimal"] });
  for (const { manifests } of renderComponents(spec)) await applyManifests(client, createDiscovery(client), manifests);
  const quick = createKubeClient(api.transport({ username: "bench", groups: ["system:masters"] }));
  await each(namespaces(size), (object) => quick.create(resourceTypes.namespaces, object));
  const indices = Array.from({ length: size.services }, (_, index) => index);
  await each(indices, async (index) => {
    await quick.create(resourceTypes.services, service(size, index));
    await quick.create(resourceTypes.endpointSlices, slice(size, index));
  });
  return cluster;
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
