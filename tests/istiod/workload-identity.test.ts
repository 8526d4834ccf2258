import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { eventually, freePort, spawnEnvoy } from "#xds/test-envoy.ts";
import { createAgentStream } from "../../src/agent/agent-stream.ts";
import { requestCertificate, type WorkloadCertificate } from "../../src/agent/identity/certificate-request.ts";
import { type Identity, startIdentity } from "../../src/agent/identity/identity.ts";
import { xdsNode } from "../../src/agent/node.ts";
import { type AgentSettings, agentSettings } from "../../src/agent/settings.ts";
import { shareSession } from "../../src/agent/shared-session.ts";
import { type ControlPlane, startControlPlane, testLog } from "./control-plane.ts";

const skip = findEnvoy() === undefined ? "there is no Envoy" : false;

/** Where Envoy has its secrets from. */
const sdsCluster = (socket: string): object => ({
  name: "sds-grpc",
  type: "STATIC",
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: "sds-grpc",
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }],
  },
});

/** Echoes what comes in over mutual TLS. */
function echoListener(port: number, variant: "GRPC" | "DELTA_GRPC"): object {
  const secret = (name: string): object => ({
    name,
    sds_config: {
      resource_api_version: "V3",
      api_config_source: {
        api_type: variant,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
      },
    },
  });
  return {
    name: "echo",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        transport_socket: {
          name: "envoy.transport_sockets.tls",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            require_client_certificate: true,
            common_tls_context: {
              tls_certificate_sds_secret_configs: [secret("default")],
              validation_context_sds_secret_config: secret("ROOTCA"),
            },
          },
        },
        filters: [
          {
            name: "envoy.filters.network.echo",
            typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo" },
          },
        ],
      },
    ],
  };
}

describe("a workload's certificate from a real istiod, in a real Envoy", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-identity-"));
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
    const { client } = plane;
    await client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
    for (const name of ["cart", "web"])
      await client.create(resourceTypes.serviceAccounts, { metadata: { name, namespace: "shop" } });
  });
  after(async () => {
    await plane.stop();
    rmSync(folder, { recursive: true });
  });

  /** Settings of an agent of this service account of namespace `shop`. */
  async function settingsOf(account: string, env: Record<string, string> = {}): Promise<AgentSettings> {
    const { status } = await plane.client.request<{ status: { token: string } }>({
      method: "POST",
      path: `/api/v1/namespaces/shop/serviceaccounts/${account}/token`,
      body: JSON.stringify({
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { audiences: ["istio-ca"], expirationSeconds: 3600 },
      }),
    });
    const dir = mkdtempSync(join(folder, `${account}-`));
    writeFileSync(join(dir, "token"), status.token);
    writeFileSync(join(dir, "root.pem"), plane.istiod.rootPem());
    return agentSettings(
      [],
      {
        POD_NAMESPACE: "shop",
        SERVICE_ACCOUNT: account,
        ISTIO_TOKEN_PATH: join(dir, "token"),
        XDS_ROOT_CA: join(dir, "root.pem"),
        CA_ROOT_CA: join(dir, "root.pem"),
        WORKLOAD_IDENTITY_DIR: dir,
        ...env,
      },
      { configPath: dir, discoveryAddress: `127.0.0.1:${plane.istiod.ports.secureXds}` },
    );
  }

  async function identityOf(t: TestContext, settings: AgentSettings): Promise<Identity> {
    const node = xdsNode(settings, { labels: {}, annotations: {} });
    const stream = createAgentStream(shareSession(settings), node, testLog);
    const identity = await startIdentity(settings, stream, testLog);
    stream.start();
    t.after(async () => {
      stream.stop();
      await identity.close();
    });
    return identity;
  }

  /** A certificate that was asked for as the agent does it. */
  async function certificateOf(account: string): Promise<WorkloadCertificate> {
    const settings = await settingsOf(account);
    assert.ok(settings.identity.authority);
    return requestCertificate(settings, settings.identity.authority);
  }

  async function echo(t: TestContext, settings: AgentSettings, variant: "GRPC" | "DELTA_GRPC"): Promise<number> {
    const port = await freePort();
    await spawnEnvoy(t, {
      node: { id: "cart", cluster: "shop" },
      static_resources: {
        clusters: [sdsCluster(settings.identity.socket)],
        listeners: [echoListener(port, variant)],
      },
    });
    return port;
  }

  /** A connection with this certificate, or none; it has proved that Envoy takes it. */
  async function speak(port: number, own?: WorkloadCertificate): Promise<TLSSocket> {
    const socket = connect({
      port,
      host: "127.0.0.1",
      ca: plane.istiod.rootPem(),
      checkServerIdentity: () => undefined,
      ...(own ? { cert: own.chainPem, key: own.key.export({ type: "pkcs8", format: "pem" }) } : {}),
    });
    socket.on("error", () => {});
    await say(socket, "hello");
    return socket;
  }

  async function say(socket: TLSSocket, text: string): Promise<void> {
    const done = new AbortController();
    const answer = Promise.race([
      once(socket, "data", { signal: done.signal }).then(([chunk]) => String(chunk)),
      once(socket, "close", { signal: done.signal }).then(() => "closed"),
    ]);
    socket.write(text);
    try {
      assert.equal(await answer, text);
    } finally {
      done.abort();
    }
  }

  const peer = (socket: TLSSocket): PeerCertificate => socket.getPeerCertificate();

  for (const variant of ["GRPC", "DELTA_GRPC"] as const)
    test(`Envoy gets certificate and roots (${variant}) and talks mutual TLS with them`, async (t) => {
      const settings = await settingsOf("cart");
      const identity = await identityOf(t, settings);
      const port = await echo(t, settings, variant);
      const web = await certificateOf("web");
      const socket = await eventually(() => speak(port, web));
      assert.equal(peer(socket).subjectaltname, "URI:spiffe://cluster.local/ns/shop/sa/cart");
      assert.equal(socket.getProtocol(), "TLSv1.3");
      assert.equal(identity.problem, undefined);
      socket.destroy();
      await assert.rejects(speak(port), /certificate required/, "nobody comes in without a certificate");
      assert.equal(statSync(settings.identity.socket).mode & 0o777, 0o600);
    });

  test("a certificate of seconds is renewed time and again, and open connections stay", async (t) => {
    const settings = await settingsOf("cart", { SECRET_TTL: "4s", SECRET_GRACE_PERIOD_RATIO_JITTER: "0" });
    await identityOf(t, settings);
    const port = await echo(t, settings, "GRPC");
    const web = await certificateOf("web");
    const first = await eventually(() => speak(port, web));
    const serials = new Set([peer(first).serialNumber]);
    for (const end = Date.now() + 7_000; Date.now() < end; await sleep(250)) {
      const socket = await speak(port, web);
      serials.add(peer(socket).serialNumber);
      socket.destroy();
      await say(first, "still here");
    }
    first.destroy();
    assert.ok(serials.size >= 4, `there were ${serials.size} certificates`);
  });

  test("without a token, a certificate of before is what another is asked for with (PROV_CERT)", async (t) => {
    const { chainPem, key } = await certificateOf("cart");
    const dir = mkdtempSync(join(folder, "provisioned-"));
    writeFileSync(join(dir, "cert-chain.pem"), chainPem);
    writeFileSync(join(dir, "key.pem"), key.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(join(dir, "root-cert.pem"), plane.istiod.rootPem());
    const found = {
      PROV_CERT: dir,
      OUTPUT_CERTS: dir,
      ISTIO_TOKEN_PATH: join(dir, "none"),
      XDS_ROOT_CA: "",
      CA_ROOT_CA: "",
    };
    await identityOf(t, await settingsOf("cart", found));
    const written = (): string => readFileSync(join(dir, "cert-chain.pem"), "utf8");
    await eventually(() => assert.notEqual(written(), chainPem));
    const { subjectAltName, validTo } = new X509Certificate(written());
    assert.equal(subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/cart");
    assert.ok(Date.parse(validTo) > Date.now());
    assert.equal(statSync(join(dir, "key.pem")).mode & 0o777, 0o600);
    const foreign = await settingsOf("web", { ISTIO_TOKEN_PATH: join(dir, "none") });
    assert.ok(foreign.identity.authority);
    await assert.rejects(requestCertificate(foreign, foreign.identity.authority), { status: "16" });
  });

  test("without istiod Envoy waits, then goes on with what it has", async (t) => {
    const settings = await settingsOf("cart", { SECRET_TTL: "4s" });
    await plane.istiod.stop();
    const identity = await identityOf(t, settings);
    const port = await echo(t, settings, "GRPC");
    await eventually(() => assert.match(identity.problem ?? "", /ECONNREFUSED/));
    await plane.restartIstiod();
    const certificate = await certificateOf("web");
    const socket = await eventually(() => speak(port, certificate));
    socket.destroy();
  });
});
