import assert from "node:assert/strict";
import { createServer } from "node:http";
import { get as getOverTls } from "node:https";
import { connect, createServer as createTcpServer, type Server } from "node:net";
import { after, before, describe, test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import { defaultMeshConfig, type MeshConfig } from "#model/mesh-config.ts";
import type { MutualTlsMode } from "#model/mutual-tls.ts";
import type { MeshInput } from "#snapshot/input.ts";
import {
  bookinfo,
  destinationRule,
  gateway,
  ingressProxy,
  keyed,
  pod,
  productpageProxy,
  virtualService,
} from "./bookinfo.fixture.ts";
import { ask, freePort, listening, loopbackSlice, type RunningGateway, runEnvoy } from "./running-gateway.fixture.ts";
import { certificateFor, noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

/*
 * A gateway calls a workload with a sidecar; both are real Envoys. The sidecar opens the workload's ports itself, so that no
 * capture rules are needed.
 */

const identity = (account: string, trustDomain = "cluster.local"): string =>
  `spiffe://${trustDomain}/ns/default/sa/${account}`;

describe("mutual TLS between proxies, by real traffic", { skip: noEnvoy }, () => {
  const apps: Server[] = [];
  const ends: RunningGateway[] = [];
  let http = 0;
  let echo = 0;

  before(async () => {
    // Says who is calling, as its sidecar tells it.
    const web = createServer((request, response) =>
      response.end(String(request.headers["x-forwarded-client-cert"] ?? "nobody")),
    );
    const tcp = createTcpServer((socket) => socket.pipe(socket));
    apps.push(web, tcp);
    [http, echo] = await Promise.all([listening(web), listening(tcp)]);
  });
  after(async () => {
    await Promise.all(ends.map((end) => end.stop()));
    for (const app of apps) app.close();
  });

  interface Scene {
    readonly mode: MutualTlsMode;
    readonly serverAccount?: string;
    readonly clientTrustDomain?: string;
    readonly input?: Partial<MeshInput>;
    /** How another gateway, which stands before the workload, treats TLS. */
    readonly before?: "AUTO_PASSTHROUGH" | "ISTIO_MUTUAL";
    readonly settings?: Partial<MeshConfig>;
    /** ProxyConfig.proxyHeaders of the workload's sidecar. */
    readonly proxyHeaders?: object;
  }

  /** Ports of the sidecar (HTTP, TCP, either) and of a gateway that leads to each. */
  interface Ports {
    readonly http: number;
    readonly tcp: number;
    readonly any: number;
    readonly viaHttp: number;
    readonly viaTcp: number;
    readonly viaAnyHttp: number;
    readonly viaAnyTcp: number;
  }

  async function scene({
    mode,
    serverAccount,
    clientTrustDomain,
    input = {},
    before: standing,
    proxyHeaders = {},
    settings = {},
  }: Scene): Promise<Ports> {
    const [web = 0, tcp = 0, any = 0, viaHttp = 0, viaTcp = 0, viaAnyHttp = 0, viaAnyTcp = 0, middle = 0, ...captured] =
      await Promise.all(Array.from({ length: 10 }, () => freePort()));
    const server: Pod = pod("reviews-v1", "127.0.0.1", { app: "reviews", "security.istio.io/tlsMode": "istio" });
    const policy: PeerAuthentication = {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "default", namespace: "default" },
      spec: { mtls: { mode } },
    };
    const opened = (number: number, protocol: string, app: number) => ({
      port: { number, protocol, name: `port-${number}` },
      bind: "127.0.0.1",
      captureMode: "NONE" as const,
      defaultEndpoint: `127.0.0.1:${app}`,
    });
    const sidecar: Sidecar = {
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata: { name: "default", namespace: "default" },
      spec: {
        ingress: [opened(web, "HTTP", http), opened(tcp, "TCP", echo), opened(any, "", http)],
        egress: [{ hosts: ["./none"] }],
      },
    };
    const at = (number: number, protocol: string) => ({
      port: { number, name: `${protocol}-${number}`.toLowerCase(), protocol },
      hosts: ["*"],
      bind: "127.0.0.1",
    });
    const to = (host: string) => [{ route: [{ destination: { host } }] }];
    const mesh: MeshInput = bookinfo({
      meshConfig: {
        ...defaultMeshConfig,
        ...settings,
        proxyListenPort: captured[0] ?? 0,
        proxyInboundListenPort: captured[1] ?? 0,
      },
      pods: keyed([server]),
      endpointSlices: keyed([
        loopbackSlice("reviews", "reviews-v1", web),
        {
          ...loopbackSlice("mongodb", "reviews-v1", tcp, "mongo"),
          metadata: { name: "m", namespace: "default", labels: { "kubernetes.io/service-name": "mongodb" } },
        },
        {
          ...loopbackSlice("guess", "reviews-v1", any, "anything"),
          metadata: { name: "g", namespace: "default", labels: { "kubernetes.io/service-name": "guess" } },
        },
      ]),
      peerAuthentications: keyed([policy]),
      gateways: keyed([
        gateway("web", { selector: { istio: "ingressgateway" }, servers: [at(viaHttp, "HTTP")] }),
        gateway("tcp", { selector: { istio: "ingressgateway" }, servers: [at(viaTcp, "TCP")] }),
        gateway("any-http", { selector: { istio: "ingressgateway" }, servers: [at(viaAnyHttp, "HTTP")] }),
        gateway("any-tcp", { selector: { istio: "ingressgateway" }, servers: [at(viaAnyTcp, "TCP")] }),
      ]),
      virtualServices: keyed([
        virtualService("web", { hosts: ["*"], gateways: ["web"], http: to("reviews") }),
        virtualService("tcp", { hosts: ["*"], gateways: ["tcp"], tcp: to("mongodb") }),
        virtualService("any-http", {
          hosts: ["*"],
          gateways: ["any-http"],
          http: [
            {
              match: [{ uri: { prefix: "/split" } }],
              route: [50, 50].map((weight) => ({ destination: { host: "guess" }, weight })),
            },
            ...to("guess"),
          ],
        }),
        virtualService("any-tcp", { hosts: ["*"], gateways: ["any-tcp"], tcp: to("guess") }),
      ]),
      ...input,
    });
    const workload = {
      ...productpageProxy,
      name: "reviews-v1",
      labels: { app: "reviews" },
      metadata: { PROXY_CONFIG: { proxyHeaders } },
    };
    const serverCertificate = certificateFor({ uri: identity(serverAccount ?? "bookinfo-reviews") });
    const clientCertificate = certificateFor({ uri: identity("client", clientTrustDomain) });
    const sidecarInput = { ...mesh, sidecars: keyed([sidecar]) };
    const router = { ...ingressProxy, name: "elsewhere" };
    ends.push(await runEnvoy(staticBootstrap(sidecarInput, workload, serverCertificate), web));
    if (standing === undefined) ends.push(await runEnvoy(staticBootstrap(mesh, router, clientCertificate), viaHttp));
    else {
      const server = { ...at(middle, "HTTPS"), hosts: ["*.local"], tls: { mode: standing } };
      const front: MeshInput = {
        ...mesh,
        gateways: keyed([gateway("middle", { selector: { istio: "ingressgateway" }, servers: [server] })]),
        virtualServices: keyed([
          virtualService("web", {
            hosts: ["reviews.default.svc.cluster.local"],
            gateways: ["middle"],
            http: to("reviews"),
          }),
        ]),
      };
      // Clients find the gateway at the workload's address.
      const outside: MeshInput = {
        ...mesh,
        endpointSlices: keyed([loopbackSlice("reviews", "reviews-v1", middle)]),
      };
      ends.push(await runEnvoy(staticBootstrap(front, router, serverCertificate), middle));
      ends.push(await runEnvoy(staticBootstrap(outside, router, clientCertificate), viaHttp));
    }
    return { http: web, tcp, any, viaHttp, viaTcp, viaAnyHttp, viaAnyTcp };
  }

  const caller =
    /By=spiffe:\/\/cluster\.local\/ns\/default\/sa\/bookinfo-reviews;.*URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/client/;

  test("PERMISSIVE: the mesh is known by its certificate, others are nobody", async () => {
    const ports = await scene({ mode: "PERMISSIVE" });
    assert.match((await ask(ports.viaHttp, "/")).body, caller);
    assert.equal((await ask(ports.http, "/")).body, "nobody");
    assert.equal(await said(ports.viaTcp, "mesh"), "mesh");
    assert.equal(await said(ports.tcp, "plain"), "plain");
    for (const path of ["/", "/split"]) {
      assert.match((await ask(ports.viaAnyHttp, path)).body, caller, "requests are seen where no protocol is declared");
    }
    assert.match(await said(ports.viaAnyTcp, "GET / HTTP/1.0\r\n\r\n"), /nobody/, "connections are left as they are");
    const forged = { "x-forwarded-client-cert": `By=x;URI=${identity("admin")}` };
    assert.equal((await ask(ports.http, "/", { headers: forged })).body, "nobody");
    assert.doesNotMatch((await ask(ports.viaHttp, "/", { headers: forged })).body, /admin/);
  });

  test("STRICT: nothing but the mesh's own certificates", async () => {
    const ports = await scene({ mode: "STRICT" });
    assert.match((await ask(ports.viaHttp, "/")).body, caller);
    assert.equal(await said(ports.viaTcp, "mesh"), "mesh");
    await assert.rejects(ask(ports.http, "/"), { code: "ECONNRESET" });
    assert.equal(await said(ports.tcp, "plain"), "");
    await assert.rejects(handshake(ports.http, {}));
    const ours = certificateFor({ uri: identity("somebody") });
    const foreign = certificateFor({ uri: identity("somebody", "elsewhere.example") });
    assert.equal(await handshake(ports.http, ours), "TLSv1.3");
    assert.equal(await handshake(ports.http, { ...ours, maxVersion: "TLSv1.2" }), "TLSv1.2");
    await assert.rejects(handshake(ports.http, { ...ours, maxVersion: "TLSv1.1", minVersion: "TLSv1" }));
    await assert.rejects(handshake(ports.http, foreign), "another trust domain");
  });

  test("DISABLE: clients of the mesh call in plain text", async () => {
    const ports = await scene({ mode: "DISABLE" });
    assert.equal((await ask(ports.viaHttp, "/")).body, "nobody");
    assert.equal(await said(ports.viaTcp, "plain"), "plain");
    await assert.rejects(handshake(ports.http, certificateFor({ uri: identity("somebody") })));
  });

  test("a server with another identity than the service's isn't called", async () => {
    const ports = await scene({ mode: "STRICT", serverAccount: "impostor" });
    assert.equal((await ask(ports.viaHttp, "/")).status, 503);
    assert.equal(await said(ports.viaTcp, "mesh"), "");
  });

  test("a client of another trust domain isn't let in", async () => {
    const ports = await scene({ mode: "STRICT", clientTrustDomain: "elsewhere.example" });
    assert.equal((await ask(ports.viaHttp, "/")).status, 503);
  });

  test("what the mesh's settings say of TLS, and of the names that a trust domain had before", async () => {
    const strict = { minProtocolVersion: "TLSV1_3", cipherSuites: [], ecdhCurves: ["P-384"] } as const;
    const settings = { meshMtls: strict, trustDomainAliases: ["old.example"] };
    const ports = await scene({ mode: "STRICT", clientTrustDomain: "old.example", settings });
    assert.match((await ask(ports.viaHttp, "/")).body, /URI=spiffe:\/\/old\.example\/ns\/default\/sa\/client/);
    const ours = certificateFor({ uri: identity("somebody") });
    assert.equal(await handshake(ports.http, ours), "TLSv1.3");
    await assert.rejects(handshake(ports.http, { ...ours, maxVersion: "TLSv1.2" }));
    await assert.rejects(handshake(ports.http, { ...ours, ecdhCurve: "P-256" }));
  });

  test("a DestinationRule turns it off, or asks for it", async () => {
    const rule = (mode: "DISABLE" | "ISTIO_MUTUAL") => ({
      destinationRules: keyed([destinationRule("reviews", { host: "reviews", trafficPolicy: { tls: { mode } } })]),
    });
    const off = await scene({ mode: "PERMISSIVE", input: rule("DISABLE") });
    assert.equal((await ask(off.viaHttp, "/")).body, "nobody");
    const on = await scene({ mode: "PERMISSIVE", input: rule("ISTIO_MUTUAL") });
    assert.match((await ask(on.viaHttp, "/")).body, caller);
  });

  test("a workload hears of its clients what its ProxyConfig says", async () => {
    const details = { setCurrentClientCertDetails: { uri: false, cert: true } };
    const more = await scene({ mode: "STRICT", proxyHeaders: details });
    assert.match((await ask(more.viaHttp, "/")).body, /^By=.*;Cert="-----BEGIN%20CERTIFICATE[^;]*;Subject=""$/);
    const nothing = await scene({ mode: "STRICT", proxyHeaders: { forwardedClientCert: "SANITIZE" } });
    assert.equal((await ask(nothing.viaHttp, "/")).body, "nobody");
  });

  test("a gateway in between lets it through unopened (AUTO_PASSTHROUGH)", async () => {
    const ports = await scene({ mode: "STRICT", before: "AUTO_PASSTHROUGH" });
    assert.match((await ask(ports.viaHttp, "/")).body, caller, "the workload sees who called the gateway");
  });

  test("a gateway in between takes part (ISTIO_MUTUAL)", async () => {
    const ports = await scene({ mode: "STRICT", before: "ISTIO_MUTUAL" });
    const { status, body } = await ask(ports.viaHttp, "/", { headers: { host: "reviews.default.svc.cluster.local" } });
    assert.equal(status, 200);
    assert.match(body, /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/bookinfo-reviews$/, "the gateway calls");
  });
});

/** What an echo server at the port gives back; empty where it gives nothing. */
async function said(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").setTimeout(2000, () => socket.destroy());
  const answer = new Promise<string>((done) => {
    socket.once("data", (data) => done(String(data)));
    socket.once("close", () => done(""));
    socket.on("error", () => {});
  });
  socket.write(text);
  const result = await answer;
  socket.destroy();
  return result;
}

/** The version of TLS that a request is answered over; rejects where it isn't. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((done, failed) => {
    const request = getOverTls(
      {
        host: "127.0.0.1",
        port,
        path: "/",
        agent: false,
        rejectUnauthorized: false,
        ALPNProtocols: ["istio"],
        ...options,
      },
      (response) => {
        response.resume();
        done((response.socket as ReturnType<typeof connectTls>).getProtocol() ?? "");
      },
    );
    request.setTimeout(3000, () => request.destroy(new Error("no answer")));
    request.on("error", failed);
  });
}
