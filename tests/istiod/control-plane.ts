import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, createApiServer } from "#cluster/apiserver/server.ts";
import { createDiscovery } from "#istioctl/discovery.ts";
import { applyManifests } from "#istioctl/install/apply.ts";
import { resolveOperatorSpec } from "#istioctl/install/operator-spec.ts";
import { renderComponents } from "#istioctl/install/render/components.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { createLog, type Log, silentLog } from "#log/log.ts";
import { type Istiod, startIstiod } from "../../src/istiod/app.ts";
import { readOptions } from "../../src/istiod/options.ts";

/** For tests: a Kubernetes API without nodes, and istiod against it, on free ports of loopback. */
export interface ControlPlane {
  readonly client: KubeClient;
  readonly istiod: Istiod;
  readonly kubeconfig: string;
  restartIstiod(): Promise<void>;
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

export const testLog: Log = process.env["WEFT_LOG"] ? createLog("test") : silentLog;

export interface ControlPlaneOptions {
  /** Where istiod writes its log. */
  readonly log?: Log;
  /** Install settings, `PATH=VALUE`, besides the profile. */
  readonly set?: readonly string[];
  /** Arguments of istiod, which win over those that tests need. */
  readonly flags?: readonly string[];
  /** Environment of istiod. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { log = testLog, set = [], env = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), "weft-istiod-"));
  const kubeconfig = join(folder, "kubeconfig");
  let istiod: Istiod | undefined;
  let apiPort = 0;
  const startApi = async (): Promise<ApiServer> => {
    const server = createApiServer({
      dataDir: join(folder, "data"),
      port: apiPort,
      bindAddresses: ["127.0.0.1"],
      extraNames: [],
      serviceCidr: "10.96.0.0/16",
      streams: () => {
        throw new Error("no pods here");
      },
      clusterName: "test",
      log: testLog.with({ part: "apiserver" }),
      // The webhook configurations name istiod's Service.
      resolveService: async () => ({ host: "127.0.0.1", port: istiod?.ports.webhook ?? 1 }),
    });
    await server.start();
    apiPort = server.port;
    return server;
  };
  let api = await startApi();
  writeFileSync(kubeconfig, api.adminKubeconfig());
  const client = createKubeClient(createHttpsTransport(loadKubeConfig({ path: kubeconfig })));
  const spec = resolveOperatorSpec({ files: [], set: ["profile=minimal", ...set] });
  for (const { manifests } of renderComponents(spec)) await applyManifests(client, createDiscovery(client), manifests);
  const start = async (ports?: Istiod["ports"]): Promise<Istiod> => {
    const flags = [
      "--monitoringAddr=127.0.0.1:0",
      "--httpAddr=:0",
      "--grpcAddr=:0",
      "--secureGRPCAddr=:0",
      "--httpsAddr=:0",
      ...(options.flags ?? []),
    ];
    const read = readOptions(flags, {
      PILOT_DEBOUNCE_AFTER: "20ms",
      PILOT_WORKLOAD_ENTRY_GRACE_PERIOD: "300ms",
      ...env,
    });
    return await startIstiod({
      client,
      options: { ...read, ports: ports ?? read.ports },
      version: "test",
      log,
    });
  };
  const plane: { -readonly [K in keyof ControlPlane]: ControlPlane[K] } = {
    client,
    kubeconfig,
    istiod: await start(),
    async restartIstiod() {
      const { ports } = plane.istiod;
      await plane.istiod.stop();
      plane.istiod = istiod = await start(ports);
    },
    async restartApiServer() {
      await api.stop();
      api = await startApi();
    },
    async stop() {
      await plane.istiod.stop();
      await api.stop();
      rmSync(folder, { recursive: true });
    },
  };
  istiod = plane.istiod;
  return plane;
}
