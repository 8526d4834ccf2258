import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createTcpServer, type Server } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { connect as connectTls } from "node:tls";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { DestinationRuleSpec } from "#api/istio/destination-rule.ts";
import type { Server as GatewayServer } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { backendCertificateAnnotation, parentNamesAnnotation } from "#model/route-semantics.ts";
import { bookinfo, destinationRule, gateway, keyed, pod, virtualService } from "./bookinfo.fixture.ts";
import { ask, freePort, listening, loopbackSlice, runGateway } from "./running-gateway.fixture.ts";
import { noEnvoy, testCertificate } from "./static-bootstrap.fixture.ts";

interface Scene {
  readonly policy?: DestinationRuleSpec["trafficPolicy"];
  readonly pods: readonly Pod[];
  readonly slices: readonly EndpointSlice[];
  readonly server?: Partial<GatewayServer>;
  /** Annotations. */
  readonly gatewayMarks?: Readonly<Record<string, string>>;
  readonly policyMarks?: Readonly<Record<string, string>>;
  readonly rule?: Omit<VirtualServiceSpec, "hosts" | "gateways">;
}

const http: Scene["rule"] = { http: [{ route: [{ destination: { host: "reviews" } }] }] };
const tcp: Scene["rule"] = { tcp: [{ route: [{ destination: { host: "mongodb" } }] }] };

function marked<T extends IstioObject>(object: T, annotations: Readonly<Record<string, string>>): T {
  return { ...object, metadata: { ...object.metadata, annotations } };
}

describe("every kind of policy for a destination, by traffic", { skip: noEnvoy }, () => {
  const backends: Server[] = [];
  after(() => {
    for (const backend of backends) backend.close();
  });

  async function backend(server: Server): Promise<number> {
    backends.push(server);
    return listening(server);
  }

  /** Runs a gateway whose one port leads to `reviews` (or `mongodb`) under a policy. */
  async function at<T>(scene: Scene, run: (port: number) => Promise<T>): Promise<T> {
    const { policy, pods, slices, server, rule = http, gatewayMarks = {}, policyMarks = {} } = scene;
    const port = await freePort();
    const host = rule === http ? "reviews" : "mongodb";
    const input = bookinfo({
      pods: keyed(pods),
      endpointSlices: keyed(slices),
      virtualServices: keyed([virtualService("web", { hosts: ["*"], gateways: ["front"], ...rule })]),
      destinationRules: keyed(
        policy ? [marked(destinationRule("policy", { host, trafficPolicy: policy }), policyMarks)] : [],
      ),
      gateways: keyed([
        marked(
          gateway("front", {
            selector: { istio: "ingressgateway" },
            servers: [
              {
                port: { number: port, name: "front", protocol: rule === http ? "HTTP" : "TCP" },
                hosts: ["*"],
                bind: "127.0.0.1",
                ...(server ? { ...server, port: { name: "front", ...server.port, number: port } } : {}),
              },
            ],
          }),
          gatewayMarks,
        ),
      ]),
    });
    const running = await runGateway(input, port);
    try {
      return await run(port);
    } finally {
      await running.stop();
    }
  }

  const one = (service: string, port: number, portName?: string): Pick<Scene, "pods" | "slices"> => ({
    pods: [pod("one", "127.0.0.1", { app: service })],
    slices: [loopbackSlice(service, "one", port, portName)],
  });

  const files = { clientCertificate: "/c.pem", privateKey: "/k.pem", caCertificates: "/ca.pem" };

  test("TLS to the destination: checked, with a name, and with a certificate of the client", async () => {
    const { cert, key, ca } = testCertificate;
    const port = await backend(
      createTlsServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
        const socket = request.socket as TLSSocket;
        const client = socket.getPeerCertificate().subjectaltname ?? "nobody";
        response.end(`${String(socket.servername)} ${client}`);
      }),
    );
    const to = one("reviews", port);
    const get = (policy: Scene["policy"]): Promise<string> =>
      at({ ...to, ...(policy ? { policy } : {}) }, async (at) => {
        const { status, body } = await ask(at, "/", { headers: { host: "test.example" } });
        return `${status} ${body}`;
      });
    assert.equal(
      await get({ tls: { mode: "SIMPLE", sni: "some.name", subjectAltNames: ["test.example"], ...files } }),
      "200 some.name nobody",
    );
    assert.match(await get({ tls: { mode: "SIMPLE", subjectAltNames: ["other.example"], ...files } }), /^503 /);
    assert.equal(await get({ tls: { mode: "MUTUAL", ...files } }), "200 test.example DNS:test.example");
    assert.equal(await get({ tls: { mode: "SIMPLE", insecureSkipVerify: true } }), "200 test.example nobody");
    assert.match(await get(undefined), /^(503|502|400) /, "plain text isn't served in place of TLS");
  });

  test("a Kubernetes Gateway shows its certificate to backends that a BackendTLSPolicy is for", async () => {
    const { cert, key, ca } = testCertificate;
    const port = await backend(
      createTlsServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (request, response) =>
        response.end((request.socket as TLSSocket).getPeerCertificate().subjectaltname ?? "nobody"),
      ),
    );
    const tls = { mode: "SIMPLE", subjectAltNames: ["test.example"], caCertificates: "/ca.pem" } as const;
    const get = async (marks: Pick<Scene, "gatewayMarks" | "policyMarks">): Promise<string> =>
      at({ ...one("reviews", port), policy: { tls }, ...marks }, async (at) => (await ask(at, "/")).body);
    const gatewayMarks = { [backendCertificateAnnotation]: "kubernetes-gateway://default/client" };
    const policyMarks = { [parentNamesAnnotation]: "BackendTLSPolicy/reviews.default" };
    assert.equal(await get({ gatewayMarks, policyMarks }), "DNS:test.example");
    assert.equal(await get({ gatewayMarks }), "nobody");
    assert.equal(await get({ policyMarks }), "nobody");
  });

  test("a PROXY header tells the destination who the client is", async () => {
    const port = await backend(
      createTcpServer((socket) => socket.once("data", (data) => socket.end(data.toString("latin1").slice(0, 100)))),
    );
    const scene = {
      ...one("mongodb", port, "mongo"),
      rule: tcp,
      policy: { proxyProtocol: { version: "V1" } },
    } as const;
    await at(scene, async (at) => {
      const socket = connect(at, "127.0.0.1");
      socket.write("hello");
      const [data] = (await once(socket, "data")) as [Buffer];
      assert.match(data.toString(), /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n/);
      socket.destroy();
    });
  });

  test("connections go through a tunnel that an HTTP proxy makes", async () => {
    const server = createServer();
    server.on("connect", (request, socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.write(`tunnel to ${String(request.url)}`);
    });
    const port = await backend(server);
    const tunnel = { protocol: "CONNECT", targetHost: "db.example", targetPort: 27017 };
    await at({ ...one("mongodb", port, "mongo"), rule: tcp, policy: { tunnel } }, async (at) => {
      const socket = connect(at, "127.0.0.1");
      const [data] = (await once(socket, "data")) as [Buffer];
      assert.equal(data.toString(), "tunnel to db.example:27017");
      socket.destroy();
    });
  });

  /** Endpoints of `reviews` that answer with their names. */
  async function named(...pods: readonly Pod[]): Promise<Pick<Scene, "pods" | "slices">> {
    const slices = await Promise.all(
      pods.map(async ({ metadata: { name = "" } = {} }) => {
        const port = await backend(createServer((_request, response) => void response.end(name)));
        return loopbackSlice("reviews", name, port);
      }),
    );
    return { pods, slices };
  }

  const answers = async (port: number, count: number, headers: (index: number) => Record<string, string>) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => (await ask(port, "/", { headers: headers(index) })).body),
    );

  test("hashing keeps a key at one endpoint, and a cookie is set for who has none", async () => {
    const scene = await named(...["a", "b", "c", "d"].map((name) => pod(name, "127.0.0.1", { app: "reviews" })));
    const byHeader = { consistentHash: { httpHeaderName: "x-user", maglev: { tableSize: 65537 } } };
    await at({ ...scene, policy: { loadBalancer: byHeader } }, async (port) => {
      assert.equal(new Set(await answers(port, 20, () => ({ "x-user": "jason" }))).size, 1);
      assert.ok(new Set(await answers(port, 40, (index) => ({ "x-user": `user-${index}` }))).size > 1);
    });
    const httpCookie = { name: "session", ttl: "60s", path: "/", attributes: [{ name: "SameSite", value: "Lax" }] };
    await at({ ...scene, policy: { loadBalancer: { consistentHash: { httpCookie } } } }, async (port) => {
      const first = await ask(port, "/");
      const [cookie = ""] = first.headers["set-cookie"] ?? [];
      assert.match(cookie, /^session=.*Max-Age=60.*SameSite=Lax/i);
      const again = await answers(port, 20, () => ({ cookie: cookie.split(";", 1)[0] ?? "" }));
      assert.deepEqual(new Set(again), new Set([first.body]));
    });
  });

  test("endpoints that report more load get less, also within a locality's share", async () => {
    const reporting = (name: string, utilization: number): Promise<number> =>
      backend(
        createServer((_request, response) => {
          response.setHeader("endpoint-load-metrics", `TEXT rps_fractional=100,application_utilization=${utilization}`);
          response.end(name);
        }),
      );
    const slices = [
      loopbackSlice("reviews", "idle", await reporting("idle", 0.05)),
      loopbackSlice("reviews", "busy", await reporting("busy", 0.95)),
    ];
    const pods = ["idle", "busy"].map((name) => pod(name, "127.0.0.1", { app: "reviews", "istio-locality": "r1.z1" }));
    const loadBalancer = {
      backendUtilization: {
        weightStabilizationPeriod: "1ms",
        weightUpdatePeriod: "100ms",
        errorUtilizationPenaltyPercent: 100,
      },
    };
    const distribute = [{ from: "*", to: { "*": 100 } }];
    for (const localityLbSetting of [undefined, { distribute }]) {
      const policy = { loadBalancer: { ...loadBalancer, ...(localityLbSetting ? { localityLbSetting } : {}) } };
      await at({ pods, slices, policy }, async (port) => {
        await answers(port, 20, () => ({}));
        await sleep(500);
        const idle = (await answers(port, 100, () => ({}))).filter((name) => name === "idle").length;
        assert.ok(idle > 80, `${idle} of 100 went to the idle one`);
      });
    }
  });

  test("the nearest endpoints are used, and shares where they are given", async () => {
    const placed = (name: string, locality: string): Pod => pod(name, "127.0.0.1", { "istio-locality": locality });
    const here = await named(placed("elsewhere", "r1.z1"), placed("near", "r1.z2"), placed("far", "r2.z1"));
    // The gateway's own Pod says where it is.
    const gatewayPod = pod(
      "elsewhere",
      "127.0.0.2",
      { istio: "ingressgateway", "istio-locality": "r1.z2" },
      "istio-system",
    );
    const scene = { ...here, pods: [...here.pods, gatewayPod] };
    await at({ ...scene, policy: { outlierDetection: { consecutive5xxErrors: 5 } } }, async (port) => {
      assert.deepEqual(new Set(await answers(port, 20, () => ({}))), new Set(["near"]));
    });
    const distribute = [{ from: "r1/*", to: { "r2/*": 100 } }];
    await at({ ...scene, policy: { loadBalancer: { localityLbSetting: { distribute } } } }, async (port) => {
      assert.deepEqual(new Set(await answers(port, 20, () => ({}))), new Set(["far"]));
    });
  });

  test("TLS that isn't opened goes by its name, and HTTP is sent to HTTPS", async () => {
    const { cert, key } = testCertificate;
    const port = await backend(createTlsServer({ cert, key }, (_request, response) => void response.end("inside")));
    const passed = {
      ...one("mongodb", port, "mongo"),
      server: { port: { protocol: "TLS", name: "tls" }, tls: { mode: "PASSTHROUGH" } },
      rule: {
        tls: [{ match: [{ sniHosts: ["test.example"] }], route: [{ destination: { host: "mongodb" } }] }],
      },
    } as const;
    await at(passed, async (at) => {
      const socket = connectTls({ port: at, host: "127.0.0.1", servername: "test.example", ca: testCertificate.ca });
      await once(socket, "secureConnect");
      socket.destroy();
      const stranger = connectTls({
        port: at,
        host: "127.0.0.1",
        servername: "other.example",
        rejectUnauthorized: false,
      });
      await assert.rejects(once(stranger, "secureConnect"));
    });
    const redirect = { ...one("reviews", port), server: { port: { protocol: "HTTP" }, tls: { httpsRedirect: true } } };
    await at(redirect, async (at) => {
      const { status, headers } = await ask(at, "/x", { headers: { host: "a.example" } });
      assert.deepEqual([status, headers.location], [301, "https://a.example/x"]);
    });
  });
});
