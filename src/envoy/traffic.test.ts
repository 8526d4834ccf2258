import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { HTTPRoute } from "#api/istio/virtual-service.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { bookinfo, destinationRule, gateway, ingressProxy, keyed, pod, virtualService } from "./bookinfo.fixture.ts";
import { noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

const to = (subset: string, weight = 1) => ({ destination: { host: "reviews", subset }, weight });

const routes: readonly HTTPRoute[] = [
  { match: [{ headers: { "end-user": { exact: "jason" } } }], route: [to("v2")] },
  { match: [{ uri: { prefix: "/half" } }], route: [to("v1", 50), to("v2", 50)] },
  { match: [{ uri: { prefix: "/none" } }], route: [to("v1", 0), to("v2", 100)] },
  { match: [{ uri: { exact: "/old" } }], redirect: { uri: "/new", redirectCode: 302 } },
  { match: [{ uri: { exact: "/tea" } }], directResponse: { status: 418, body: { string: "short and stout" } } },
  {
    match: [{ uri: { prefix: "/a/" } }],
    rewrite: { uri: "/b/" },
    headers: { request: { set: { "x-seen": "yes" } } },
    route: [to("v1")],
  },
  {
    match: [{ uri: { exact: "/abort" } }],
    fault: { abort: { httpStatus: 555, percentage: { value: 100 } } },
    route: [to("v1")],
  },
  { match: [{ uri: { exact: "/slow" } }], timeout: "100ms", route: [to("v1")] },
  { match: [{ uri: { exact: "/nobody" } }], route: [{ destination: { host: "nobody" } }] },
  { match: [{ uri: { exact: "/" } }], route: [to("v1")] },
];

describe("where requests at a gateway go", { skip: noEnvoy }, () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-traffic-"));
  const backends: Server[] = [];
  let process: ChildProcess;
  let port = 0;

  before(async () => {
    const slices = await Promise.all(["v1", "v2"].map(startBackend));
    port = await freePort();
    const input = bookinfo({
      pods: keyed([
        pod("reviews-v1", "127.0.0.1", { version: "v1" }),
        pod("reviews-v2", "127.0.0.1", { version: "v2" }),
      ]),
      endpointSlices: keyed(slices),
      virtualServices: keyed([virtualService("web", { hosts: ["*"], gateways: ["front"], http: routes })]),
      destinationRules: keyed([
        destinationRule("reviews", {
          host: "reviews",
          subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
        }),
      ]),
      gateways: keyed([
        gateway("front", {
          selector: { istio: "ingressgateway" },
          servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" }],
        }),
      ]),
    });
    const path = join(folder, "envoy.json");
    writeFileSync(path, JSON.stringify(staticBootstrap(input, { ...ingressProxy, name: "elsewhere" })));
    const args = ["-c", path, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"];
    process = spawn(findEnvoy() ?? "", args, { stdio: "ignore" });
    await reachable(port);
  });

  after(async () => {
    process.kill("SIGKILL");
    await once(process, "exit");
    for (const backend of backends) backend.close().closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startBackend(version: string): Promise<EndpointSlice> {
    const backend = createServer((request, response) => {
      const answer = () => response.end(`${version} ${request.url} ${String(request.headers["x-seen"] ?? "")}`.trim());
      if (request.url === "/slow") setTimeout(answer, 2000).unref();
      else answer();
    });
    backends.push(backend);
    backend.listen(0, "127.0.0.1");
    await once(backend, "listening");
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `reviews-${version}`,
        namespace: "default",
        labels: { "kubernetes.io/service-name": "reviews" },
      },
      addressType: "IPv4",
      endpoints: [
        { addresses: ["127.0.0.1"], targetRef: { kind: "Pod", name: `reviews-${version}`, namespace: "default" } },
      ],
      ports: [{ name: "http", port: (backend.address() as AddressInfo).port }],
    };
  }

  async function ask(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: string; location?: string }> {
    const [response] = (await once(get({ host: "127.0.0.1", port, path, headers, agent: false }), "response")) as [
      IncomingMessage,
    ];
    let body = "";
    for await (const part of response) body += String(part);
    const { location } = response.headers;
    return { status: response.statusCode ?? 0, body, ...(location ? { location } : {}) };
  }

  test("by path, by header, and nowhere", async () => {
    assert.deepEqual(await ask("/"), { status: 200, body: "v1 /" });
    assert.deepEqual(await ask("/", { "end-user": "jason" }), { status: 200, body: "v2 /" });
    assert.equal((await ask("/unknown")).status, 404);
    assert.equal((await ask("/nobody")).status, 503);
  });

  test("by weight", async () => {
    const halves = await Promise.all(Array.from({ length: 100 }, () => ask("/half")));
    const first = halves.filter(({ body }) => body.startsWith("v1")).length;
    assert.ok(first > 20 && first < 80, `${first} of 100 to v1`);
    const none = await Promise.all(Array.from({ length: 20 }, () => ask("/none")));
    assert.ok(none.every(({ body }) => body.startsWith("v2")));
  });

  test("redirects, answers, rewrites, faults and timeouts", async () => {
    const redirected = await ask("/old");
    assert.equal(redirected.status, 302);
    assert.match(redirected.location ?? "", /\/new$/);
    assert.deepEqual(await ask("/tea"), { status: 418, body: "short and stout" });
    assert.deepEqual(await ask("/a/x"), { status: 200, body: "v1 /b/x yes" });
    assert.equal((await ask("/abort")).status, 555);
    assert.equal((await ask("/slow")).status, 504);
  });
});

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function reachable(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(100);
    } finally {
      socket.destroy();
    }
  }
  throw new Error("Envoy didn't open its port within 10 s");
}
