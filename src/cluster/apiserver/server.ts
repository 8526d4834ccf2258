import { mkdir } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import type { KubeTransport } from "#kube/transport.ts";
import type { Log } from "#log/log.ts";
import type { PodStreams } from "../pod-streams.ts";
import { createAuthorizer } from "./auth/authorizer.ts";
import { loadPki, type Pki } from "./auth/pki.ts";
import { createTokens } from "./auth/tokens.ts";
import type { UserInfo } from "./auth/user.ts";
import { bootstrap } from "./bootstrap.ts";
import type { Core, ResolveService } from "./core.ts";
import { serveDefinitions } from "./crd/establish.ts";
import { keepApiServices } from "./discovery/api-services.ts";
import { createEdge } from "./edge/https.ts";
import { kubeconfigText } from "./edge/kubeconfig.ts";
import { inProcess } from "./edge/transport.ts";
import { createUpgradeHandler } from "./edge/upgrade.ts";
import { firstAddress } from "./kinds/address-range.ts";
import { builtinKinds } from "./kinds/builtin.ts";
import { createRegistry } from "./registry.ts";
import { createHandler, type Handler } from "./rest/handler.ts";
import { keepEventsShort } from "./storage/expire-events.ts";
import { openStore } from "./storage/store.ts";

export interface ApiServerOptions {
  /** Database and keys are kept here. */
  readonly dataDir: string;
  /** 0: any free port. */
  readonly port: number;
  readonly bindAddresses: readonly string[];
  /** Further DNS names and IP addresses for the serving certificate. */
  readonly extraNames: readonly string[];
  readonly serviceCidr: string;
  readonly nodePortRange?: readonly [number, number];
  readonly streams: PodStreams | (() => PodStreams);
  readonly clusterName: string;
  readonly log: Log;
  /** Where a Service's port can be dialled; for webhooks and the service proxy. */
  readonly resolveService: ResolveService;
}

export interface ApiServer {
  readonly port: number;
  readonly caCertificate: string;
  /** Requests of this process as `user`; works from `start` on. */
  transport(user: UserInfo): KubeTransport;
  /** Opens the store, makes what every cluster has, and listens. Rejects when the port is taken or the store can't be opened. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Kubeconfig (YAML) of the administrator, for `https://127.0.0.1:PORT`. */
  adminKubeconfig(): string;
}

interface Running {
  readonly pki: Pki;
  readonly handle: Handler;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const issuer = "https://kubernetes.default.svc.cluster.local";

/** The Kubernetes API of one cluster. Nothing happens before `start`. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { log, serviceCidr, clusterName } = options;
  const { streams } = options;
  let running: Running | undefined;

  function started(): Running {
    if (!running) throw new Error("the API server is not started");
    return running;
  }

  function names(): string[] {
    const services = [
      "kubernetes",
      "kubernetes.default",
      "kubernetes.default.svc",
      "kubernetes.default.svc.cluster.local",
    ];
    const bound = options.bindAddresses.filter((address) => address !== "0.0.0.0" && address !== "::");
    return [
      ...new Set([...services, "localhost", "127.0.0.1", firstAddress(serviceCidr), ...bound, ...options.extraNames]),
    ];
  }

  return {
    get port() {
      return started().port;
    },
    get caCertificate() {
      return started().pki.ca;
    },
    transport: (user) => (request) => inProcess(started().handle, user)(request),
    async start() {
      await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
      const pki = await loadPki(join(options.dataDir, "pki"), names());
      const store = openStore(join(options.dataDir, "state.db"));
      const registry = createRegistry(builtinKinds);
      const uidOf = (resource: string, namespace: string, name: string) =>
        store.get(resource, namespace, name)?.metadata.uid;
      const core: Core = {
        store,
        registry,
        network: { serviceCidr, nodePortRange: options.nodePortRange ?? [30000, 32767] },
        authorizer: createAuthorizer(store),
        tokens: createTokens(pki.tokenKeys, issuer, uidOf),
        streams: typeof streams === "function" ? streams : () => streams,
        resolveService: options.resolveService,
        log,
        watches: new Set(),
      };
      const handle = createHandler(core);
      const edge = createEdge({
        certificate: pki.serving.certificate,
        key: pki.serving.key,
        ca: pki.ca,
        tokens: core.tokens,
        handle,
        upgrade: createUpgradeHandler(core),
        log,
      });
      const stopDefinitions = serveDefinitions(store, registry, log);
      const stopExpiry = keepEventsShort(store);
      const stopApiServices = keepApiServices(core);
      async function stop(): Promise<void> {
        stopDefinitions();
        stopExpiry();
        stopApiServices();
        for (const end of core.watches) end();
        await edge.close();
        store.close();
      }
      try {
        const port = await edge.listen(options.bindAddresses, options.port);
        await bootstrap(core, handle, { address: nodeAddress(options.bindAddresses), port });
        running = { pki, handle, port, stop };
        log.info("API server ready", { port, cluster: clusterName, revision: store.revision });
      } catch (error) {
        await stop();
        throw error;
      }
    },
    async stop() {
      const last = running;
      running = undefined;
      await last?.stop();
    },
    adminKubeconfig() {
      const { pki, port } = started();
      return kubeconfigText({ name: clusterName, server: `https://127.0.0.1:${port}`, ca: pki.ca, client: pki.admin });
    },
  };
}

/** Where pods reach the API: the first address that isn't loopback, if it listens on one. */
function nodeAddress(addresses: readonly string[]): string {
  return (
    addresses.find((address) => isIPv4(address) && !address.startsWith("127.") && address !== "0.0.0.0") ??
    addresses[0] ??
    "127.0.0.1"
  );
}
