import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { silentLog } from "#log/log.ts";
import { PodStreamError, type PodStreams } from "../pod-streams.ts";
import { type ApiServer, type ApiServerOptions, createApiServer } from "./server.ts";

/** An API server on a free port of loopback with a data directory of its own: for tests. */
export interface ApiUnderTest {
  readonly server: ApiServer;
  /** As an administrator, in process. */
  readonly client: KubeClient;
  /** File with the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Stops and starts again on the same data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const refuse = async (): Promise<never> => {
  throw new PodStreamError(400, "no runtime is attached to this API server");
};

const administrator = { username: "admin", groups: ["system:masters"] } as const;

export async function startApi(options: Partial<ApiServerOptions> = {}): Promise<ApiUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), "weft-api-"));
  const streams: PodStreams = { logs: refuse, exec: refuse, attach: refuse, portForward: refuse };
  const make = () =>
    createApiServer({
      dataDir: directory,
      port: 0,
      bindAddresses: ["127.0.0.1"],
      extraNames: [],
      serviceCidr: "10.96.0.0/24",
      streams,
      clusterName: "test",
      log: silentLog,
      resolveService: async () => undefined,
      ...options,
    });
  const kubeconfig = join(directory, "kubeconfig");
  let server = make();
  const start = async () => {
    await server.start();
    await writeFile(kubeconfig, server.adminKubeconfig(), { mode: 0o600 });
  };
  try {
    await start();
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    get server() {
      return server;
    },
    client: createKubeClient((request) => server.transport(administrator)(request)),
    kubeconfig,
    async restart() {
      await server.stop();
      server = make();
      await start();
    },
    async close() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
