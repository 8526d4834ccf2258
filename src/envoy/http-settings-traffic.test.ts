import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { after, before, describe, test } from "node:test";
import { readHttpSettings } from "#model/http-settings.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { bookinfo, gateway, keyed, pod, virtualService } from "./bookinfo.fixture.ts";
import { type Answer, ask, freePort, listening, loopbackSlice, runGateway } from "./running-gateway.fixture.ts";
import { noEnvoy } from "./static-bootstrap.fixture.ts";

describe("how a proxy's own settings treat HTTP, by traffic", { skip: noEnvoy }, () => {
  let seen: IncomingMessage | undefined;
  let server: Server;
  let backend = 0;
  before(async () => {
    server = createServer((request, response) => {
      seen = request;
      response.writeHead(200, { server: "the workload" }).end("served");
    });
    backend = await listening(server);
  });
  after(() => server.close());

  interface Exchange extends Answer {
    /** What the workload saw; undefined when the request didn't get there. */
    readonly seen: IncomingMessage | undefined;
  }

  /** One request at a gateway whose ProxyConfig has these settings, or whose mesh has. */
  async function exchange(
    settings: object,
    {
      path = "/",
      headers = {},
      ofMesh = false,
    }: { path?: string; headers?: Record<string, string>; ofMesh?: boolean } = {},
  ): Promise<Exchange> {
    const port = await freePort();
    const servers = [{ port: { number: port, name: "front", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" }];
    const http = [{ route: [{ destination: { host: "reviews" } }], rewrite: { authority: "inside.example" } }];
    const input = bookinfo({
      meshConfig: { ...defaultMeshConfig, http: ofMesh ? readHttpSettings(settings) : {} },
      pods: keyed([pod("one", "127.0.0.1", { app: "reviews" })]),
      endpointSlices: keyed([loopbackSlice("reviews", "one", backend)]),
      virtualServices: keyed([virtualService("web", { hosts: ["*"], gateways: ["front"], http })]),
      gateways: keyed([gateway("front", { selector: { istio: "ingressgateway" }, servers })]),
    });
    const running = await runGateway(input, port, { metadata: ofMesh ? {} : { PROXY_CONFIG: settings } });
    seen = undefined;
    try {
      const answer = await ask(port, path, { headers });
      return { ...answer, seen };
    } finally {
      await running.stop();
    }
  }

  test("without settings Envoy's and Istio's own headers are there", async () => {
    const { headers, seen: request } = await exchange({});
    assert.equal(headers["server"], "istio-envoy");
    assert.ok(headers["x-envoy-upstream-service-time"]);
    assert.equal(request?.headers["x-envoy-attempt-count"], "1");
    assert.ok(request?.headers["x-request-id"]);
    assert.equal(request?.headers["x-forwarded-port"], undefined);
    assert.equal(request?.headers["x-forwarded-host"], undefined);
  });

  test("each can be left out, by the proxy's configuration or by the mesh's", async () => {
    const disabled = { disabled: true };
    const proxyHeaders = { attemptCount: disabled, envoyDebugHeaders: disabled, requestId: disabled, server: disabled };
    for (const ofMesh of [false, true]) {
      const { headers, seen: request } = await exchange({ proxyHeaders }, { ofMesh });
      assert.equal(headers["server"], "the workload");
      assert.equal(headers["x-envoy-upstream-service-time"], undefined);
      assert.equal(request?.headers["x-envoy-attempt-count"], undefined);
      assert.equal(request?.headers["x-request-id"], undefined);
    }
  });

  test("the server is called as the settings say, the port and host that were called are told, capitals stay", async () => {
    const enabled = { enabled: true };
    const proxyHeaders = {
      server: { value: "shop" },
      xForwardedHost: enabled,
      xForwardedPort: enabled,
      preserveHttp1HeaderCase: true,
    };
    const sent = { "X-MiXed": "yes", host: "outside.example" };
    const { headers, seen: request } = await exchange({ proxyHeaders }, { headers: sent });
    assert.equal(headers["server"], "shop");
    assert.ok(request?.rawHeaders.includes("X-MiXed"));
    assert.match(String(request?.headers["x-forwarded-port"]), /^\d+$/);
    assert.equal(request?.headers.host, "inside.example");
    assert.equal(request?.headers["x-forwarded-host"], "outside.example");
  });

  test("the EDGE profile refuses what is risky at the edge, but for what is set itself", async () => {
    const edge = { connectionSettings: { profile: "EDGE" } };
    const underscore = { headers: { with_underscore: "x" } };
    assert.equal((await exchange(edge, underscore)).status, 400);
    assert.equal((await exchange({}, underscore)).status, 200);
    assert.equal((await exchange(edge, { path: "/a%2Fb" })).status, 307);
    const own = { profile: "EDGE", httpHeadersWithUnderscoresAction: "HEADERS_WITH_UNDERSCORES_DROP_HEADER" };
    const dropped = await exchange({ connectionSettings: own }, underscore);
    assert.deepEqual([dropped.status, dropped.seen?.headers["with_underscore"]], [200, undefined]);
    assert.equal((await exchange(edge, { path: "/a//b" })).seen?.url, "/a/b");
  });
});
