import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { silentLog } from "#log/log.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { startSdsServer } from "../agent/identity/sds-server.ts";
import { createSecretStore } from "../agent/identity/secret-store.ts";

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export interface EnvoyOptions {
  readonly variant: "delta" | "sotw";
  readonly xdsPort: number;
  /** `envoy.config.core.v3.Node` in JSON. */
  readonly node: object;
  /** Absent: plaintext. */
  readonly tls?: { readonly rootPem: string; readonly serverName: string; readonly token: string };
  /** What its agent would give it; some of a test's own unless given. */
  readonly secrets?: WorkloadSecrets;
}

/** A workload's certificate with its chain, its key, and the roots that it checks others against; PEM. */
export interface WorkloadSecrets {
  readonly chainPem: string;
  readonly keyPem: string;
  readonly rootsPem: string;
}

async function ownSecrets(identity: string): Promise<WorkloadSecrets> {
  const now = new Date();
  const root = await createSelfSignedRoot("test", now);
  const { publicKey, privateKey } = await generateKeyPair();
  const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
  const chainPem = issue(authority, { publicKey, names: [{ uri: identity }], lifetimeMs: 3_600_000, now });
  const keyPem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  return { chainPem, keyPem, rootsPem: root.certificatePem };
}

/** A socket at which Envoy finds them, as at its agent's. */
async function socketFor(t: { after(end: () => unknown): void }, secrets: WorkloadSecrets): Promise<string> {
  const { chainPem, keyPem, rootsPem } = secrets;
  const store = createSecretStore();
  store.set("default", { chainPem, keyPem });
  store.set("ROOTCA", { rootsPem });
  const folder = mkdtempSync(join(tmpdir(), "weft-sds-"));
  const socket = join(folder, "socket");
  const server = await startSdsServer(socket, store, silentLog);
  t.after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return socket;
}

/** Starts Envoy with everything from ADS; it ends with the test. */
export async function startEnvoy(
  t: { after(end: () => unknown): void },
  options: EnvoyOptions,
): Promise<{ readonly adminPort: number }> {
  const { tls } = options;
  const metadata = tls ? { initial_metadata: [{ key: "authorization", value: `Bearer ${tls.token}` }] } : {};
  const transportSocket = {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: tls?.serverName,
      common_tls_context: {
        alpn_protocols: ["h2"],
        validation_context: {
          trusted_ca: { inline_string: tls?.rootPem },
          match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: tls?.serverName } }],
        },
      },
    },
  };
  const socket = await socketFor(t, options.secrets ?? (await ownSecrets("spiffe://cluster.local/ns/default/sa/test")));
  return await spawnEnvoy(t, {
    node: options.node,
    dynamic_resources: {
      ads_config: {
        api_type: options.variant === "delta" ? "DELTA_GRPC" : "GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds" }, ...metadata }],
      },
      lds_config: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" },
      cds_config: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" },
    },
    static_resources: {
      clusters: [
        {
          ...http2Cluster("xds", { socket_address: { address: "127.0.0.1", port_value: options.xdsPort } }),
          ...(tls ? { transport_socket: transportSocket } : {}),
        },
        http2Cluster("sds-grpc", { pipe: { path: socket } }),
      ],
    },
  });
}

function http2Cluster(name: string, address: object): object {
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
}

/** Starts Envoy with this bootstrap and an admin port of its own; it ends with the test. */
export async function spawnEnvoy(
  t: { after(end: () => unknown): void },
  bootstrap: object,
): Promise<{ readonly adminPort: number }> {
  const folder = mkdtempSync(join(tmpdir(), "weft-envoy-"));
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  writeFileSync(join(folder, "bootstrap.json"), JSON.stringify({ ...bootstrap, admin }));
  const process: ChildProcess = spawn(
    findEnvoy() ?? "",
    [
      ["-c", join(folder, "bootstrap.json"), "--concurrency", "1", "--use-dynamic-base-id"],
      ["--admin-address-path", join(folder, "admin"), "--log-path", join(folder, "log")],
      // Access logs are there when they are looked for.
      ["--file-flush-interval-msec", "20"],
    ].flat(),
    { stdio: "ignore" },
  );
  t.after(async () => {
    process.kill("SIGKILL");
    if (process.exitCode === null) await new Promise((done) => process.once("exit", done));
    rmSync(folder, { recursive: true });
  });
  const adminPort = await eventually(() => {
    const [, port] = readFileSync(join(folder, "admin"), "utf8").split(":");
    // The file is there before its text is.
    if (!port) throw new Error("Envoy hasn't written its admin address");
    return Number(port);
  });
  return { adminPort };
}

/** Tries until the probe doesn't throw any more; gives up with its error after 15 s. */
export async function eventually<T>(probe: () => T | Promise<T>): Promise<T> {
  const end = Date.now() + 15_000;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(25);
    }
  }
}

/** An HTTP server on all addresses that answers everything so. Returns its port. */
export async function upstream(t: TestContext, answer: string): Promise<number> {
  const server = createServer((_, s) => s.end(answer));
  await new Promise<void>((done) => server.listen(0, done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Status and body, on a connection of its own. */
export async function get(port: number, path = "/"): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  return `${answer.status} ${await answer.text()}`;
}
