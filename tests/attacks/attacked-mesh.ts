import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDiscovery } from "#istioctl/discovery.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { pemBlocks } from "#x509/pem.ts";
import { buildRequest } from "#x509/request.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { eventually, startEnvoy, type WorkloadSecrets } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "../istiod/control-plane.ts";
import { frame, grpcExchange } from "./grpc-exchange.ts";
import { type RecordedLog, recordLog } from "./recorded-log.ts";

/** Who ends what was started: a test, or the whole mesh. */
export interface Owner {
  after(end: () => unknown): void;
}

/** A whole control plane with real Envoys beside it, and the logs that an operator would read. */
export interface AttackedMesh extends ControlPlane, Owner {
  readonly istiodLog: RecordedLog;
  /** What the access log of its Envoys has about the connection from this port of the client; at least one line, or it fails. */
  accessLog(clientPort: number): Promise<readonly string[]>;
  /** Creates or replaces objects. */
  apply(...objects: readonly KubeObject[]): Promise<void>;
  /** A token of a service account, which is made if it isn't there. */
  tokenOf(namespace: string, account: string, audience?: string): Promise<string>;
  /** What a workload's agent has from istiod by this account. */
  secretsOf(namespace: string, account: string): Promise<WorkloadSecrets>;
  /** Starts a gateway, `router`, or a workload's proxy, `sidecar`, with the label `app: NAME`. Its admin port. */
  startProxy(t: Owner, proxy: ProxyOfTest): Promise<{ readonly adminPort: number }>;
}

export interface ProxyOfTest {
  readonly type: "router" | "sidecar";
  readonly name: string;
  readonly namespace: string;
}

/** `set`: install settings, `PATH=VALUE`. */
export async function startAttackedMesh(...set: readonly string[]): Promise<AttackedMesh> {
  const folder = mkdtempSync(join(tmpdir(), "weft-attacks-"));
  const accessLogFile = join(folder, "access.log");
  const istiodLog = recordLog();
  const plane = await startControlPlane({
    log: istiodLog.log,
    set: [`meshConfig.accessLogFile=${accessLogFile}`, ...set],
  });
  const ends: (() => unknown)[] = [];
  const { client } = plane;
  const discovery = createDiscovery(client);
  const mesh: AttackedMesh = {
    ...plane,
    istiodLog,
    accessLog: (clientPort) =>
      eventually(() => {
        const lines = readFileSync(accessLogFile, "utf8").split("\n");
        const found = lines.filter((line) => line.includes(` 127.0.0.1:${clientPort} `));
        assert.notDeepEqual(found, [], `no line about ${clientPort}`);
        return found;
      }),
    async apply(...objects) {
      for (const object of objects) {
        const type = await discovery.resourceTypeOf(object);
        const { name = "", namespace } = object.metadata ?? {};
        const ref = { name, ...(namespace ? { namespace } : {}) };
        await client.patch(type, { ...ref, as: "apply", fieldManager: "test", force: true, patch: object });
      }
    },
    async tokenOf(namespace, account, audience = "istio-ca") {
      const metadata = { name: account, namespace };
      if (!(await client.find(resourceTypes.serviceAccounts, metadata)))
        await client.create(resourceTypes.serviceAccounts, { metadata });
      const { status } = await client.request<{ status: { token: string } }>({
        method: "POST",
        path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ spec: { audiences: [audience] } }),
      });
      return status.token;
    },
    async secretsOf(namespace, account) {
      const pair = await generateKeyPair();
      const csr = buildRequest(pair, { uri: `spiffe://cluster.local/ns/${namespace}/sa/${account}` });
      const { message, reason, error } = await grpcExchange(
        {
          port: plane.istiod.ports.secureXds,
          ca: plane.istiod.rootPem(),
          token: await mesh.tokenOf(namespace, account),
        },
        "/istio.v1.auth.IstioCertificateService/CreateCertificate",
        frame(new WireWriter().string(1, csr).finish()),
      );
      assert.ok(message, `${reason} ${error}`);
      const chain = pemBlocks(message.toString("latin1"), "CERTIFICATE");
      return {
        chainPem: chain.slice(0, -1).join(""),
        keyPem: String(pair.privateKey.export({ type: "pkcs8", format: "pem" })),
        rootsPem: chain.at(-1) ?? "",
      };
    },
    async startProxy(t, { type, name, namespace }) {
      const metadata = { NAMESPACE: namespace, SERVICE_ACCOUNT: name, LABELS: { app: name } };
      return await startEnvoy(t, {
        variant: "delta",
        xdsPort: plane.istiod.ports.secureXds,
        node: { id: `${type}~10.9.9.9~${name}-0.${namespace}~${namespace}.svc.cluster.local`, cluster: name, metadata },
        secrets: await mesh.secretsOf(namespace, name),
        tls: {
          rootPem: plane.istiod.rootPem(),
          serverName: "istiod.istio-system.svc",
          token: await mesh.tokenOf(namespace, name),
        },
      });
    },
    after: (end) => void ends.push(end),
    async stop() {
      for (const end of ends.reverse()) await end();
      await plane.stop();
      rmSync(folder, { recursive: true });
    },
  };
  return mesh;
}
